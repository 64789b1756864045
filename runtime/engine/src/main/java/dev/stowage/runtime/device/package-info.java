/**
 * What the engine asks of a device: memory within a budget, and a KV store that keeps keys and
 * values and attends over them where they lie. Host, disk, GPU and CSD implement it in one package
 * each and are found by {@link java.util.ServiceLoader}.
 *
 * <p><b>Adding a device:</b> implement {@link dev.stowage.runtime.device.DeviceProvider}, name it
 * in {@code META-INF/services/dev.stowage.runtime.device.DeviceProvider}, and make its stores pass
 * the KV store conformance test of the engine's test-jar.
 */
package dev.stowage.runtime.device;
