package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.stowage.dsl.script.Place;
import dev.stowage.dsl.script.PlaceRule;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportsTest {
  @TempDir private Path folder;

  private Path file(String name, String text) throws IOException {
    Path path = folder.resolve(name);
    Files.createDirectories(path.getParent());
    return Files.writeString(path, text);
  }

  private static List<String> codes(Parsed parsed) {
    return parsed.diagnostics().stream().map(Diagnostic::code).toList();
  }

  @Test
  void devicesOfAPlatformFileAreVisible() throws IOException {
    file("hosts/here.stow", "library here\nplatform box { host ram { memory 8 GiB } }\n");
    Path plan =
        file(
            "a.stow", "plan a\nplatform from \"hosts/here.stow\"\nplace { weights on ram 100% }\n");

    Parsed parsed = StowParser.parse(plan);

    assertEquals(List.of(), parsed.diagnostics());
    PlaceRule rule =
        (PlaceRule) ((Place) parsed.root().getStatements().get(1)).getRules().getFirst();
    assertEquals("ram", rule.getShares().getFirst().getDevice().getName());
  }

  @Test
  void importsOfImportsAreVisible() throws IOException {
    file("c.stow", "library c\nparam memoryOfCard : bytes = 8 GiB\n");
    file("b.stow", "library b\nimport \"c.stow\"\n");
    Path plan =
        file("a.stow", "plan a\nimport \"b.stow\"\nplatform x { gpu g { memory memoryOfCard } }\n");

    assertEquals(List.of(), StowParser.parse(plan).diagnostics());
  }

  @Test
  void aNameOfTwoImportedFilesIsToldAtTheSecondImportWithBothPlaces() throws IOException {
    Path one = file("b.stow", "library b\nplatform x { host ram { memory 8 GiB } }\n");
    Path two = file("c.stow", "library c\nplatform y { host ram { memory 9 GiB } }\n");
    Path plan = file("a.stow", "plan a\nimport \"b.stow\"\nimport \"c.stow\"\n");

    Diagnostic found =
        StowParser.parse(plan).diagnostics().stream()
            .filter(Diagnostic::isError)
            .findFirst()
            .orElseThrow();

    assertEquals("SW102", found.code());
    assertEquals(plan.toString(), found.span().file());
    assertEquals(3, found.span().line());
    assertEquals(
        List.of(one.toString() + ":2", two.toString() + ":2"),
        found.related().stream()
            .map(r -> r.span().file() + ":" + r.span().line())
            .sorted()
            .toList());
  }

  @Test
  void aNameOfTwoImportedFilesIsToldOnceHoweverManyFilesSeeThem() throws IOException {
    file("b.stow", "library b\nplatform x { host ram { memory 8 GiB } }\n");
    file("c.stow", "library c\nplatform y { host ram { memory 9 GiB } }\n");
    file("d.stow", "library d\nimport \"b.stow\"\nimport \"c.stow\"\n");
    Path plan = file("a.stow", "plan a\nimport \"d.stow\"\nimport \"b.stow\"\n");

    List<Diagnostic> errors =
        StowParser.parse(plan).diagnostics().stream().filter(Diagnostic::isError).toList();

    assertEquals(1, errors.size(), errors::toString);
    assertTrue(errors.getFirst().related().toString().contains("d.stow"), errors::toString);
  }

  @Test
  void aPlatformFromAFileMayRefineWhatAnotherImportBringsToo() throws IOException {
    file("b.stow", "library b\nplatform x { host ram { memory 8 GiB } }\n");
    file(
        "c.stow",
        "library c\nplatform from \"b.stow\" { host ram { memory-bandwidth 40 GB/s } }\n");
    Path plan = file("a.stow", "plan a\nimport \"b.stow\"\nimport \"c.stow\"\n");

    assertEquals(
        List.of(),
        StowParser.parse(plan).diagnostics().stream().filter(Diagnostic::isError).toList());
  }

  @Test
  void errorsOfAnImportedFileAreToldAtTheImport() throws IOException {
    file("b.stow", "library b\nplatform x { gpu g { memory 3 } }\n");
    Path plan = file("a.stow", "plan a\nimport \"b.stow\"\n");

    Diagnostic found = StowParser.parse(plan).diagnostics().getFirst();

    assertEquals("SW113", found.code());
    assertTrue(found.related().getFirst().span().file().endsWith("b.stow"));
    assertEquals(2, found.related().getFirst().span().line());
  }

  @Test
  void aFileThatCannotBeReadIsADiagnostic() throws IOException {
    assertEquals(List.of("SW001"), codes(StowParser.parse(folder.resolve("gone.stow"))));
    assertEquals(List.of("SW001"), codes(StowParser.parse(folder)));
    Path binary = folder.resolve("binary.stow");
    Files.write(binary, new byte[] {(byte) 0xff, (byte) 0xfe, 0, 1});
    assertEquals(List.of("SW003"), codes(StowParser.parse(binary)));
    Path large = folder.resolve("large.stow");
    Files.write(large, "/".repeat(StowParser.MAX_BYTES + 1).getBytes(StandardCharsets.UTF_8));
    assertEquals(List.of("SW002"), codes(StowParser.parse(large)));
    Path plan = file("a.stow", "plan a\nimport \"large.stow\"\n");
    assertEquals(List.of("SW111"), codes(StowParser.parse(plan)));
  }
}
