package dev.stowage.bench;

import java.lang.reflect.Executable;
import java.lang.reflect.InvocationTargetException;
import java.util.Arrays;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Calls classes that are there at run time only: programs that are measured, and that Stowage does
 * not depend on. A member is known by its name and how many arguments of which kind it takes; the
 * first one that fits is called.
 */
final class Reflected {
  private Reflected() {}

  static Class<?> type(String name) {
    try {
      return Class.forName(name);
    } catch (ClassNotFoundException e) {
      throw new IllegalStateException(name + " is not on the class path", e);
    }
  }

  static Object make(String type, Object... arguments) {
    var constructor = first(Stream.of(type(type).getDeclaredConstructors()), _ -> true, arguments);
    return reached(() -> constructor.newInstance(arguments));
  }

  /** Calls a static method. */
  static Object of(Class<?> type, String name, Object... arguments) {
    return call(type, null, name, arguments);
  }

  static Object call(Object target, String name, Object... arguments) {
    return call(target.getClass(), target, name, arguments);
  }

  static Object constant(String type, String name) {
    return Stream.of(type(type).getEnumConstants())
        .filter(constant -> constant.toString().equals(name))
        .findFirst()
        .orElseThrow();
  }

  private static Object call(Class<?> type, Object target, String name, Object... arguments) {
    var methods =
        Stream.<Class<?>>iterate(type, t -> t != null, Class::getSuperclass)
            .flatMap(t -> Arrays.stream(t.getDeclaredMethods()));
    var method = first(methods, m -> m.getName().equals(name), arguments);
    return reached(() -> method.invoke(target, arguments));
  }

  private static <E extends Executable> E first(
      Stream<E> members, Predicate<E> wanted, Object... arguments) {
    var member = members.filter(wanted).filter(m -> takes(m, arguments)).findFirst().orElseThrow();
    member.setAccessible(true);
    return member;
  }

  private static boolean takes(Executable member, Object... arguments) {
    var types = member.getParameterTypes();
    if (types.length != arguments.length) {
      return false;
    }
    for (int i = 0; i < types.length; i++) {
      boolean fits =
          types[i].isPrimitive()
              ? arguments[i] instanceof Number || arguments[i] instanceof Boolean
              : arguments[i] == null || types[i].isInstance(arguments[i]);
      if (!fits) {
        return false;
      }
    }
    return true;
  }

  private interface Call {
    Object run() throws ReflectiveOperationException;
  }

  private static Object reached(Call call) {
    try {
      return call.run();
    } catch (InvocationTargetException e) {
      throw new IllegalStateException(e.getCause());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }
}
