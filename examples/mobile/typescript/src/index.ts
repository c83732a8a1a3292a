export * from "./model.ts";
export * from "./geometry.ts";
export * from "./frame.ts";
export * from "./decode.ts";
export * from "./tracking.ts";
