package dev.stowage.dsl;

import dev.stowage.dsl.script.Approximate;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.HeaderKind;
import dev.stowage.dsl.script.Import;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Model;
import dev.stowage.dsl.script.Objective;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.PlatformElement;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Schedule;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptPackage;
import dev.stowage.dsl.script.Statement;
import dev.stowage.dsl.script.Workload;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import org.eclipse.emf.ecore.EAttribute;
import org.eclipse.emf.ecore.EObject;

/** Statements stand where they may, as often as they may, and devices fit together. */
final class StatementRules {
  private StatementRules() {}

  static void check(Script script, Consumer<Diagnostic> report) {
    boolean library =
        script.getHeader() != null && script.getHeader().getKind() == HeaderKind.LIBRARY;
    Map<String, Statement> first = new HashMap<>();
    for (Statement statement : script.getStatements()) {
      override(statement, report);
      if (library && !mayBeInLibrary(statement)) {
        report.accept(Messages.notInLibrary(Spans.of(statement)));
      }
      once(statement, first, report);
      switch (statement) {
        case Platform platform -> platform.getElements().forEach(one -> element(one, report));
        case DeviceType type -> deviceType(type, report);
        default -> {}
      }
    }
  }

  private static void override(Statement statement, Consumer<Diagnostic> report) {
    boolean override =
        switch (statement) {
          case Workload it -> it.isOverride();
          case Place it -> it.isOverride();
          case Schedule it -> it.isOverride();
          case Approximate it -> it.isOverride();
          case Objective it -> it.isOverride();
          default -> false;
        };
    if (override) {
      EAttribute feature = (EAttribute) statement.eClass().getEStructuralFeature("override");
      Spans.of(statement, feature).map(Messages::misplacedOverride).ifPresent(report);
    }
  }

  private static boolean mayBeInLibrary(Statement statement) {
    return statement instanceof Import
        || statement instanceof Param
        || statement instanceof DeviceType
        || statement instanceof Platform;
  }

  private static void once(
      Statement statement, Map<String, Statement> first, Consumer<Diagnostic> report) {
    String what =
        switch (statement) {
          case Model _ -> "model";
          case Workload _ -> "workload";
          case Objective _ -> "objective";
          default -> null;
        };
    if (what != null) {
      Statement before = first.putIfAbsent(what, statement);
      if (before != null) {
        report.accept(Messages.onlyOne(Spans.of(statement), what, Spans.of(before)));
      }
    }
  }

  private static void element(PlatformElement element, Consumer<Diagnostic> report) {
    switch (element) {
      case Device device -> {
        DeviceType type = device.getType();
        if (isLinked(type) && type.getKind() != device.getKind()) {
          Spans.of(device, ScriptPackage.Literals.DEVICE__TYPE)
              .map(
                  at ->
                      Messages.wrongKind(
                          at, type.getName(), device.getKind().getLiteral(), Spans.of(type)))
              .ifPresent(report);
        }
        twice(device.getProperties(), report);
      }
      case Link link -> {
        if (link.getFrom() != null && link.getFrom() == link.getTo() && isLinked(link.getFrom())) {
          Spans.of(link, ScriptPackage.Literals.LINK__TO)
              .map(at -> Messages.linkToItself(at, link.getFrom().getName()))
              .ifPresent(report);
        }
        twice(link.getProperties(), report);
      }
      default -> {}
    }
  }

  private static boolean isLinked(EObject target) {
    return target != null && !target.eIsProxy();
  }

  private static void deviceType(DeviceType type, Consumer<Diagnostic> report) {
    twice(type.getProperties(), report);
    DeviceType base = type.getBase();
    if (isLinked(base) && base.getKind() != type.getKind()) {
      Spans.of(type, ScriptPackage.Literals.DEVICE_TYPE__BASE)
          .map(
              at ->
                  Messages.wrongKind(
                      at, base.getName(), type.getKind().getLiteral(), Spans.of(base)))
          .ifPresent(report);
    }
    Set<DeviceType> seen = new HashSet<>();
    for (DeviceType next = base; isLinked(next) && seen.add(next); next = next.getBase()) {
      if (next == type) {
        Spans.of(type, ScriptPackage.Literals.DEVICE_TYPE__BASE)
            .map(at -> Messages.typeCycle(at, type.getName()))
            .ifPresent(report);
      }
    }
  }

  private static void twice(List<Property> properties, Consumer<Diagnostic> report) {
    Map<String, Property> first = new HashMap<>();
    for (Property property : properties) {
      String name = property.isEmulated() ? "emulated" : property.getName();
      if (name == null) {
        continue;
      }
      String key = name + (property.getPrecision() == null ? "" : "(" + property.getPrecision());
      Property before = first.putIfAbsent(key, property);
      if (before != null) {
        report.accept(
            Messages.setTwice(
                Spans.of(property),
                name,
                Spans.of(before),
                Spans.text(property).equals(Spans.text(before))));
      }
    }
  }
}
