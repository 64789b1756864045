/**
 * The drive's attention engine: turns a query and a page of keys and values into a growing partial
 * result.
 */
package dev.stowage.csd.kernel;
