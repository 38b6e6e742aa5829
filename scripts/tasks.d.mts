export declare const tasks: Readonly<Record<string, readonly (readonly string[])[]>>;
