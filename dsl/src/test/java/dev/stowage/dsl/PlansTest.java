package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.stowage.dsl.script.Attention;
import dev.stowage.dsl.script.Auto;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.Origin;
import dev.stowage.dsl.script.ParamRef;
import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceRule;
import dev.stowage.dsl.script.Platform;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Split;
import dev.stowage.dsl.script.Test;
import dev.stowage.dsl.script.Variant;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PlansTest {
  private static final Path PLANS = Path.of("src/test/resources/plans");

  static Path plan(String name) {
    return PLANS.resolve(name + ".stow");
  }

  private static <T> List<T> all(Script script, Class<T> type) {
    return script.getStatements().stream().filter(type::isInstance).map(type::cast).toList();
  }

  @ParameterizedTest
  @ValueSource(strings = {"quickstart", "opt30b-t4", "opt175b-t4", "opt13b-csd"})
  void theAcceptancePlansAreWithoutDiagnostics(String name) {
    assertEquals(List.of(), StowParser.parse(plan(name)).diagnostics());
  }

  @org.junit.jupiter.api.Test
  void theTreeOfAPlanHoldsWhatItSays() {
    Script script = StowParser.parse(plan("opt30b-t4")).root();

    assertEquals("opt30b", script.getHeader().getName());
    Platform box = all(script, Platform.class).getFirst();
    Device t4 = (Device) box.getElements().getFirst();
    assertEquals(DeviceKind.GPU, t4.getKind());
    assertEquals("T4", t4.getType().getName());
    Quantity memory = (Quantity) t4.getProperties().getFirst().getValue();
    assertEquals(new BigDecimal("15"), memory.getNumber());
    assertEquals("GiB", memory.getUnit());

    PlaceRule weights = (PlaceRule) all(script, Place.class).getFirst().getRules().getFirst();
    assertEquals(Split.AUTO, weights.getSplit());
    assertEquals(t4, weights.getShares().getFirst().getDevice());
    assertInstanceOf(Auto.class, weights.getShares().get(1).getAmount());

    Test spill = all(script, Test.class).getFirst();
    assertEquals("a small host spills to disk", spill.getName());
    assertEquals(2, spill.getChanges().size());
  }

  @org.junit.jupiter.api.Test
  void theTreeKeepsArraysVariantsAndOverrides() {
    Script script = StowParser.parse(plan("opt13b-csd")).root();

    Device drives = (Device) all(script, Platform.class).getFirst().getElements().get(3);
    assertEquals("drives", ((ParamRef) drives.getCount()).getParam().getName());
    List<Variant> variants = all(script, Variant.class);
    assertEquals(
        List.of("sparse", "ssdOnly", "freely"), variants.stream().map(Variant::getName).toList());
    assertEquals(true, ((Place) variants.get(1).getChanges().getFirst()).isOverride());
    Attention decode =
        (Attention)
            ((dev.stowage.dsl.script.Schedule) variants.get(2).getChanges().get(1))
                .getItems()
                .get(1);
    assertEquals(true, decode.isAuto());
  }

  @org.junit.jupiter.api.Test
  void aPropertyWithoutProvenanceHasNone() {
    Script script =
        StowParser.parse(
                "library l device gpu G { memory 1 GiB measured 2026-11-03 reserve 1 MiB }",
                Path.of("l.stow"))
            .root();

    List<Property> properties =
        all(script, dev.stowage.dsl.script.DeviceType.class).getFirst().getProperties();
    assertEquals(Origin.MEASURED, properties.getFirst().getProvenance().getOrigin());
    assertEquals("2026-11-03", properties.getFirst().getProvenance().getDate());
    assertNull(properties.get(1).getProvenance());
    assertFalse(properties.get(1).isEmulated());
  }
}
