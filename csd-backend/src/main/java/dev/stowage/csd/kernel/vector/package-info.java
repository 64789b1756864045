/** The attention engine's loops in the Vector API. */
package dev.stowage.csd.kernel.vector;
