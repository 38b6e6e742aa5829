export declare const FLAGS: readonly string[];
export declare const ENVIRONMENT: Readonly<Record<string, string>>;
