package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.dsl.script.DeviceKind;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Origin;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Quantity;
import dev.stowage.dsl.script.Script;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every entry of the device library can be read, is whole, and says nothing that cannot be. */
class LibraryTest {
  private static final Path FOLDER = Path.of("src/main/resources/dev/stowage/dsl/library");

  /** Bytes a second each way over four lanes, after coding, by generation (PCI-SIG). */
  private static final double PCIE3_X4 = 3.94e9;

  private static final Map<DeviceKind, List<String>> NEEDED =
      Map.of(
          DeviceKind.GPU,
              List.of(
                  "memory",
                  "memory-bandwidth",
                  "interface",
                  "matmul-prefill",
                  "matmul-decode",
                  "attend-prefill",
                  "attend-decode"),
          DeviceKind.HOST,
              List.of(
                  "memory-bandwidth",
                  "matmul-prefill",
                  "matmul-decode",
                  "attend-prefill",
                  "attend-decode"),
          DeviceKind.DISK, List.of("read", "write", "random-read", "latency"),
          DeviceKind.CSD,
              List.of(
                  "channels",
                  "channel-bandwidth",
                  "dies",
                  "planes",
                  "page",
                  "read-time",
                  "program-time",
                  "dram",
                  "interface",
                  "read",
                  "write",
                  "random-read",
                  "attend-decode"));

  private static Map<String, DeviceType> types() {
    var types = new LinkedHashMap<String, DeviceType>();
    for (String entry : Library.entries()) {
      Parsed parsed = StowParser.parse("library p\nimport \"" + entry + "\"\n", Path.of("p.stow"));
      assertEquals(List.of(), parsed.diagnostics(), entry);
      Script library =
          ((Imports.Found.File) Imports.follow(Imports.of(parsed.root()).getFirst())).script();
      for (var statement : library.getStatements()) {
        if (statement instanceof DeviceType type) {
          types.put(library.getHeader().getName() + "." + type.getName(), type);
        }
      }
    }
    return types;
  }

  private static double value(DeviceType type, String name) {
    return type.getProperties().stream()
        .filter(property -> name.equals(property.getName()))
        .map(property -> Amount.of((Quantity) property.getValue()).orElseThrow().value())
        .findFirst()
        .orElseThrow(() -> new AssertionError(type.getName() + " has no " + name))
        .doubleValue();
  }

  @Test
  void everyFileOfTheLibraryIsAnEntry() throws IOException {
    try (var files = Files.walk(FOLDER)) {
      assertEquals(
          Library.entries(),
          files
              .filter(Files::isRegularFile)
              .map(file -> "lib:" + FOLDER.relativize(file).toString().replace('\\', '/'))
              .map(name -> name.substring(0, name.length() - ".stow".length()))
              .sorted()
              .toList());
    }
  }

  @Test
  void everyEntryIsLaidOut() throws IOException {
    for (String entry : Library.entries()) {
      String text = Files.readString(FOLDER.resolve(entry.substring(4) + ".stow"));
      assertEquals(text, StowParser.format(text).orElseThrow(), entry);
    }
  }

  @Test
  void theEntryOfATypeIsKnown() {
    var types = types();
    assertEquals(types.keySet().stream().sorted().toList(), List.copyOf(Library.types().keySet()));
    assertEquals("lib:nvidia/t4", Library.types().get("nvidia.T4"));
  }

  @Test
  void aDeviceHasEveryRateThatItsKindNeedsAndSaysWhereEachComesFrom() {
    types()
        .forEach(
            (name, type) -> {
              for (String needed : NEEDED.get(type.getKind())) {
                assertTrue(value(type, needed) > 0, name + " " + needed);
              }
              for (Property property : type.getProperties()) {
                assertTrue(property.getProvenance() != null, name + " " + property.getName());
              }
            });
  }

  @Test
  void aCardsRatesAreNoFasterThanItsMemoryAndItsLanesAllow() {
    types()
        .forEach(
            (name, type) -> {
              if (type.getKind() == DeviceKind.GPU) {
                double memory = value(type, "memory-bandwidth");
                assertTrue(value(type, "attend-decode") <= memory, name);
                assertTrue(value(type, "interface") <= 4 * PCIE3_X4 * 4, name);
                assertTrue(value(type, "interface") < memory, name);
                assertTrue(value(type, "matmul-decode") <= value(type, "matmul-prefill"), name);
                assertTrue(value(type, "memory") >= 15e9 && value(type, "memory") <= 150e9, name);
              }
            });
  }

  @Test
  void aDriveIsNoFasterThanItsLanesAndReadsFasterThanItWrites() {
    types()
        .forEach(
            (name, type) -> {
              if (type.getKind() == DeviceKind.DISK || type.getKind() == DeviceKind.CSD) {
                assertTrue(value(type, "read") <= 4 * PCIE3_X4, name);
                assertTrue(value(type, "write") <= value(type, "read"), name);
                assertTrue(value(type, "random-read") <= value(type, "read"), name);
              }
              if (type.getKind() == DeviceKind.CSD) {
                assertTrue(value(type, "read") <= value(type, "interface"), name);
                assertTrue(value(type, "program-time") > value(type, "read-time"), name);
              }
            });
  }

  @ParameterizedTest
  @CsvSource({
    "nvidia.T4, nvidia.A10, memory-bandwidth",
    "nvidia.A10, nvidia.A100_40GB, memory-bandwidth",
    "nvidia.A100_40GB, nvidia.A100_80GB, memory",
    "nvidia.A100_40GB, nvidia.A100_80GB, memory-bandwidth",
    "nvidia.A100_80GB, nvidia.A100_80GB_SXM, memory-bandwidth",
    "nvidia.A100_80GB, nvidia.H100, matmul-prefill",
    "nvidia.A100_80GB, nvidia.H100, interface",
    "nvidia.H100, nvidia.H100_SXM, memory-bandwidth",
    "nvidia.H100_SXM, nvidia.H200, memory",
    "nvidia.H100_SXM, nvidia.H200, memory-bandwidth",
    "nvidia.T4, nvidia.RtxA6000, interface",
    "nvidia.Rtx3090, nvidia.Rtx4090, memory-bandwidth",
    "nvidia.Rtx3090, nvidia.Rtx4090, matmul-prefill",
    "generic.DDR4, generic.DDR5, memory-bandwidth",
    "generic.DDR4, generic.DDR5, attend-decode",
    "storage.NVMe3, storage.NVMe4, read",
    "storage.NVMe4, storage.NVMe5, read",
    "storage.NVMe3, storage.NVMe4, random-read",
    "storage.NVMe4, storage.NVMe5, random-read",
    "storage.NVMe4, storage.NVMe5, write",
    "csd.InstInferBoard, csd.InstInfer, channels",
    "csd.InstInferBoard, csd.InstInfer, read",
  })
  void aLaterGenerationIsFasterOrLarger(String earlier, String later, String rate) {
    var types = types();
    assertTrue(value(types.get(earlier), rate) < value(types.get(later), rate));
  }

  @Test
  void whatADataSheetSaysIsMarkedSoAndWhatNobodySaysIsNot() {
    var h200 = types().get("nvidia.H200");
    for (Property property : h200.getProperties()) {
      boolean spec = property.getProvenance().getOrigin() == Origin.SPEC;
      assertEquals(property.getName().startsWith("memory"), spec, property.getName());
    }
  }
}
