/**
 * The drive itself, played by software: turns command bytes into work on flash and answers with
 * completion bytes. It sees the host only through the commands and the memory shared with it. What
 * it stores, reads and computes is real; how long a real drive would have taken is added up apart,
 * on a clock that nothing waits for.
 */
package dev.stowage.csd.emulator;
