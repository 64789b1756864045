/**
 * Computational storage: turns a plan's CSD device into a drive that keeps keys and values on flash
 * and attends over them itself, so that only new keys and values and queries go in and partial
 * results come out (InstInfer, arXiv 2409.04992). The host's side is here; {@link
 * dev.stowage.csd.command} is the wire, {@link dev.stowage.csd.transport} the way, {@link
 * dev.stowage.csd.emulator} the drive, with its {@link dev.stowage.csd.ftl} on its {@link
 * dev.stowage.csd.flash}.
 *
 * <p>Only emulated drives exist so far. An emulator's memory — the drive's DRAM, its tables, the
 * memory it shares — stands for the drive's own and is not part of the host's budget.
 */
package dev.stowage.csd;
