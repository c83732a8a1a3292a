export * from "./model.js";
export * from "./geometry.js";
export * from "./frame.js";
export * from "./decode.js";
export * from "./tracking.js";
