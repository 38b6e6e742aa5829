import type { ReactNode } from "react";
import { DEPLOYED } from "../../../sdk/src/deployed.ts";
import { useReading } from "../data/context.tsx";
import { readChosen, writeChosen } from "../data/settings.ts";
import { Card, Facts, Id, Page } from "../ui/basics.tsx";
import { SourceForm } from "../ui/sourceForm.tsx";

export function Settings(): ReactNode {
  const { source } = useReading();
  const chosen = readChosen();
  return (
    <Page title="Where this page reads from">
      <Card title="At present">
        <Facts
          rows={[
            ["Source", source.name],
            ["Chain", source.deployment.chainId],
            ["First block", source.deployment.block],
            ...Object.entries(source.deployment.addresses).map(
              ([name, at]) => [name, <Id key={name} value={at} what={name} />] as const,
            ),
          ]}
        />
        {chosen !== undefined && (
          <button
            type="button"
            onClick={() => {
              writeChosen(undefined);
              location.reload();
            }}
          >
            Forget this endpoint
          </button>
        )}
      </Card>
      <Card title="Read from another endpoint">
        <SourceForm
          rpc={chosen?.rpc ?? ""}
          known={DEPLOYED}
          problem={undefined}
          onChoose={(next) => {
            writeChosen(next);
            location.reload();
          }}
        />
      </Card>
    </Page>
  );
}
