/**
 * What Linux offers and Java does not: {@link dev.stowage.runtime.system.Mapping memory by pages},
 * which may be given back or made executable, and {@link dev.stowage.runtime.system.OpenFile advice
 * about files}. Everything here throws {@link UnsupportedOperationException} where the system has
 * no such calls or the JVM denies them, so that whoever uses it can do without.
 */
package dev.stowage.runtime.system;
