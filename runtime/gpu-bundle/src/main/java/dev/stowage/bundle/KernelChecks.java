package dev.stowage.bundle;

import dev.stowage.runtime.device.ComputeDevice;
import dev.stowage.runtime.kernel.AttentionAgreement;
import dev.stowage.runtime.kernel.KernelAgreement;
import dev.stowage.runtime.kernel.Kernels;
import dev.stowage.runtime.kernel.ProductAgreement;
import dev.stowage.runtime.kernel.StagedKernels;
import java.lang.annotation.Annotation;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The tests that every implementation of kernels passes, here on the GPU. */
final class KernelChecks {
  private static final long ROOM = 16L << 20;

  private KernelChecks() {}

  static void run(Results results, ComputeDevice gpu) {
    var kernels = new StagedKernels(gpu, ROOM);
    var suites =
        List.<Supplier<Object>>of(
            () ->
                new KernelAgreement() {
                  @Override
                  protected Kernels kernels() {
                    return kernels;
                  }

                  @Override
                  protected boolean keepsInfinities() {
                    return false;
                  }
                },
            () ->
                new AttentionAgreement() {
                  @Override
                  protected Kernels kernels() {
                    return kernels;
                  }
                },
            () ->
                new ProductAgreement() {
                  @Override
                  protected Kernels kernels() {
                    return kernels;
                  }
                });
    for (var suite : suites) {
      var type = suite.get().getClass().getSuperclass();
      for (var test : with(Test.class, type)) {
        results.check(
            "kernels",
            test.getName(),
            numbers -> {
              var instance = suite.get();
              call(BeforeEach.class, type, instance);
              try {
                call(test, instance);
              } finally {
                call(AfterEach.class, type, instance);
              }
              return true;
            });
      }
    }
  }

  private static List<Method> with(Class<? extends Annotation> annotation, Class<?> type) {
    return Arrays.stream(type.getDeclaredMethods())
        .filter(method -> method.isAnnotationPresent(annotation))
        .sorted(Comparator.comparing(Method::getName))
        .toList();
  }

  private static void call(Class<? extends Annotation> annotation, Class<?> type, Object instance)
      throws Exception {
    for (var method : with(annotation, type)) {
      call(method, instance);
    }
  }

  private static void call(Method method, Object instance) throws Exception {
    method.setAccessible(true);
    try {
      method.invoke(instance);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case Error error -> throw error;
        case Exception exception -> throw exception;
        default -> throw e;
      }
    }
  }
}
