/** The frame around every page: navigation, what is read from where, routes. */
import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link, Route, Switch, useLocation } from "wouter";
import { messageOf } from "../../sdk/src/error.ts";
import { useReading, useSnapshot } from "./data/context.tsx";
import { Overview } from "./pages/overview.tsx";
import { applyTheme, chosenTheme, THEMES, type Theme } from "./ui/theme.ts";
import { grouped } from "./ui/words.ts";
import { Page, Time } from "./ui/basics.tsx";
import { WalletButton } from "./wallet/button.tsx";

const Models = lazy(async () => ({ default: (await import("./pages/models.tsx")).Models }));
const Publish = lazy(async () => ({ default: (await import("./pages/publish.tsx")).Publish }));
const ReleasePage = lazy(async () => ({ default: (await import("./pages/release.tsx")).ReleasePage }));
const Ask = lazy(async () => ({ default: (await import("./pages/ask.tsx")).Ask }));
const Requests = lazy(async () => ({ default: (await import("./pages/requests.tsx")).Requests }));
const RequestPage = lazy(async () => ({ default: (await import("./pages/request.tsx")).RequestPage }));
const Accounts = lazy(async () => ({ default: (await import("./pages/accounts.tsx")).Accounts }));
const AccountPage = lazy(async () => ({ default: (await import("./pages/account.tsx")).AccountPage }));
const Disputes = lazy(async () => ({ default: (await import("./pages/disputes.tsx")).Disputes }));
const DisputePage = lazy(async () => ({ default: (await import("./pages/dispute.tsx")).DisputePage }));
const Roles = lazy(async () => ({ default: (await import("./pages/roles.tsx")).Roles }));
const Settings = lazy(async () => ({ default: (await import("./pages/settings.tsx")).Settings }));

const SECTIONS = [
  ["/", "Overview"],
  ["/models", "Models"],
  ["/requests", "Requests"],
  ["/disputes", "Disputes"],
  ["/accounts", "Operators"],
  ["/roles", "Roles"],
] as const;

function isIn(location: string, section: string): boolean {
  if (section === "/models") return /^\/(models|releases|publish)/.test(location);
  return section === "/" ? location === "/" : location.startsWith(section);
}

function Navigation(): ReactNode {
  const [location] = useLocation();
  return (
    <nav aria-label="Sections">
      <ul>
        {SECTIONS.map(([to, name]) => (
          <li key={to}>
            <Link to={to} aria-current={isIn(location, to) ? "page" : undefined}>
              {name}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}

function ThemeSwitch(): ReactNode {
  const [theme, setTheme] = useState(chosenTheme);
  function choose(next: Theme): void {
    setTheme(next);
    applyTheme(next);
  }
  return (
    <label className="theme">
      <span>Theme</span>
      <select
        value={theme}
        onChange={(event) => choose(THEMES.find((name) => name === event.target.value) ?? "auto")}
      >
        {THEMES.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}

function Footer(): ReactNode {
  const { source } = useReading();
  const { head, ledger } = useSnapshot();
  return (
    <footer>
      <p>
        Chain {source.deployment.chainId}, read from {source.name}
        {head !== undefined && (
          <>
            {" "}
            up to block {grouped(head.number)} (<Time at={head.timestamp} />)
          </>
        )}
        {ledger.unread > 0 && `; ${ledger.unread} events of another version were passed over`}.{" "}
        <Link to="/settings">Change</Link>
      </p>
      <ThemeSwitch />
    </footer>
  );
}

function Status(): ReactNode {
  const { head, progress, problem } = useSnapshot();
  if (problem !== undefined)
    return (
      <p className="status problem" role="status">
        Reading fails, and is tried again: {messageOf(problem)}
      </p>
    );
  if (head !== undefined) return null;
  return (
    <p className="status" role="status">
      Reading the chain… <progress value={progress} aria-label="How much of the chain has been read" />
    </p>
  );
}

export function App(): ReactNode {
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          // The address is the router's.
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <header className="top">
        <Link to="/" className="brand">
          <span aria-hidden="true">⚖</span> Assay
        </Link>
        <Navigation />
        <WalletButton />
      </header>
      <main id="main" tabIndex={-1}>
        <Status />
        <Suspense fallback={<p role="status">Loading…</p>}>
          <Switch>
            <Route path="/" component={Overview} />
            <Route path="/models" component={Models} />
            <Route path="/publish" component={Publish} />
            <Route path="/releases/:id">{({ id }) => <ReleasePage id={id} />}</Route>
            <Route path="/releases/:id/ask">{({ id }) => <Ask id={id} />}</Route>
            <Route path="/requests" component={Requests} />
            <Route path="/requests/:id">{({ id }) => <RequestPage id={id} />}</Route>
            <Route path="/accounts" component={Accounts} />
            <Route path="/accounts/:address">{({ address }) => <AccountPage address={address} />}</Route>
            <Route path="/disputes" component={Disputes} />
            <Route path="/disputes/:id">{({ id }) => <DisputePage id={id} />}</Route>
            <Route path="/roles" component={Roles} />
            <Route path="/settings" component={Settings} />
            <Route>
              <Page title="Nothing here">
                <p>
                  There is no such page. <Link to="/">Overview</Link>
                </p>
              </Page>
            </Route>
          </Switch>
        </Suspense>
      </main>
      <Footer />
    </>
  );
}
