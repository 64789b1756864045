/**
 * The operations of {@link dev.stowage.runtime.kernel.Kernels} in SIMD, with the JDK's Vector API:
 * the only package that needs the module {@code jdk.incubator.vector}.
 *
 * <p>What keeps it fast on C2, and must stay so: species in {@code static final} fields; loop
 * bodies small enough that everything in them is inlined, as a vector passed to a call that is not
 * inlined becomes an object; no vector in a field; one loop a method.
 *
 * <p>What keeps it reproducible: sums fold their lanes in an order written down here ({@code
 * Lanes.sum}; the Vector API leaves the order of {@code reduceLanes} open, and it differs between
 * the interpreter and compiled code), and exponentials are a polynomial of lane-wise operations,
 * not the platform's.
 */
package dev.stowage.runtime.kernel.vector;
