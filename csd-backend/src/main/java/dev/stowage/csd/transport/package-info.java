/**
 * How commands reach a drive: turns 64 command bytes into 16 completion bytes, and shares the
 * memory that data pass through.
 */
package dev.stowage.csd.transport;
