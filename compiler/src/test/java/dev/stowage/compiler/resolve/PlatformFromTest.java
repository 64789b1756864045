package dev.stowage.compiler.resolve;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.compiler.Compilation;
import dev.stowage.compiler.Compiler;
import dev.stowage.compiler.Settings;
import dev.stowage.dsl.Diagnostic;
import dev.stowage.plan.Machine;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A plan takes its hardware from a file, and says more of it where it must. */
class PlatformFromTest {
  private static final String REST =
      """
      model m = shape opt-125m
      workload w { prompt 32 tok  generate 8 tok  batch 4 }
      maximize throughput
      """;

  @TempDir private Path folder;

  @BeforeEach
  void hardware() throws IOException {
    file(
        "host.stow",
        """
        library here
        device disk Fast { memory 64 GiB  read 3 GB/s measured 2026-11-20  write 1 GB/s }
        platform box {
          host ram { memory 16 GiB  reserve 1 GiB }
          disk ssd = Fast
          link ram <-> ssd { rate 2 GB/s }
        }
        """);
  }

  private void file(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private Compilation compile(String platform) {
    return Compiler.compile(
        "plan p\n" + platform + "\n" + REST, folder.resolve("p.stow"), Settings.none());
  }

  private Machine machine(String platform) {
    return switch (compile(platform)) {
      case Compilation.Compiled compiled -> {
        assertEquals(List.of(), compiled.diagnostics(), platform);
        yield compiled.plan().machine();
      }
      case Compilation.Erroneous(var diagnostics) -> throw new AssertionError(diagnostics);
      case Compilation.Infeasible(var _, var diagnostics) -> throw new AssertionError(diagnostics);
    };
  }

  private List<Diagnostic> said(String platform) {
    return compile(platform).diagnostics();
  }

  @Test
  void devicesAndLinksOfTheFileAreThePlans() {
    var machine = machine("platform from \"host.stow\"");

    assertEquals(16L << 30, machine.device("ram").capacityBytes());
    assertEquals(3e9, machine.device("ssd").rates().get(Rate.READ).value());
    assertEquals(Origin.MEASURED, machine.device("ssd").rates().get(Rate.READ).origin());
    assertEquals(2, machine.links().size());
  }

  @Test
  void anImportBringsThePlatformToo() {
    assertEquals(2, machine("import \"host.stow\"").devices().size());
  }

  @Test
  void aDeviceOfTheSameNameRefinesTheFilesOne() {
    var machine =
        machine(
            "platform mine from \"host.stow\" { host ram { memory 8 GiB }  disk ssd { path \"d\" } }");

    assertEquals(8L << 30, machine.device("ram").capacityBytes());
    assertEquals(1L << 30, machine.device("ram").reserveBytes(), "what is not said again holds");
    assertEquals("d", machine.device("ssd").path().orElseThrow());
    assertEquals(64L << 30, machine.device("ssd").capacityBytes());
    assertEquals(2, machine.devices().size());
  }

  @Test
  void aLinkOfTheSameEndsReplacesTheFilesOne() {
    var machine =
        machine(
            "platform from \"host.stow\""
                + " { disk ssd { read 2 GB/s }  link ram <-> ssd { rate 9 GB/s } }");

    assertEquals(
        List.of(9e9, 9e9), machine.links().stream().map(link -> link.bytesPerSecond()).toList());
  }

  @Test
  void aNewDeviceIsAdded() {
    var machine = machine("platform from \"host.stow\" { disk old { memory 1 TB  read 1 GB/s } }");

    assertEquals(3, machine.devices().size());
  }

  @Test
  void aDeviceOfAnotherKindIsNoRefinement() {
    var said = said("platform from \"host.stow\" { disk ram { memory 8 GiB } }");

    assertEquals("SW102", said.getFirst().code());
    assertTrue(said.getFirst().related().getFirst().span().file().endsWith("host.stow"));
  }

  @Test
  void withoutFromASecondDeviceOfANameIsAnError() {
    var said = said("import \"host.stow\"\nplatform own { host ram { memory 8 GiB } }");

    assertEquals("SW102", said.getFirst().code());
  }

  @Test
  void whatTheFileSaysAlreadyHasNoEffect() {
    var said = said("platform from \"host.stow\" { host ram { memory 16 GiB } }");

    assertEquals(List.of("SW403"), said.stream().map(Diagnostic::code).toList());
  }

  @Test
  void aFileWithoutAPlatformIsNone() throws IOException {
    file("types.stow", "library types\ndevice disk Fast { memory 64 GiB  read 3 GB/s }\n");

    var said = said("platform from \"types.stow\" { host ram { memory 8 GiB } }");

    assertEquals("SW111", said.getFirst().code());
    assertTrue(said.getFirst().message().contains("declares no platform"), said.toString());
  }
}
