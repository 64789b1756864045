package dev.stowage.compiler.resolve;

import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.plan.ElementType;

/** What the engine cannot execute yet of what the language can say. */
final class Executable {
  private Executable() {}

  /** Whether weights and KV can be stored so. */
  static boolean stores(ElementType type) {
    return !type.quantized();
  }

  /** Whether attention there can read a part of the cache. */
  static boolean readsAPart(Attention attention) {
    return attention.getDevices().stream()
        .allMatch(d -> d.getKind() == DeviceKind.HOST || d.getKind() == DeviceKind.CSD);
  }
}
