package dev.stowage.compiler.migrate;

import dev.stowage.dsl.Library;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The machine that a plan is written for, since no tool's flags tell: a card of the device library
 * in a server.
 *
 * @param entry the card's library entry, such as {@code lib:nvidia/t4}
 * @param card its type, such as {@code nvidia.T4}
 */
public record Hardware(String entry, String card) {
  /** FlexGen's machine: one T4, 200 GiB of memory, 1.5 TB of NVMe drive. */
  public static final Hardware T4 = new Hardware("lib:nvidia/t4", "nvidia.T4");

  /**
   * The first card of a library entry.
   *
   * @throws ImportException where there is no such entry, or no card in it
   */
  public static Hardware of(String entry) {
    if (!Library.entries().contains(entry)) {
      throw new ImportException(
          "--machine: '%s' is not in the device library; it has %s"
              .formatted(entry, String.join(", ", cards())));
    }
    return card(entry)
        .map(card -> new Hardware(entry, card))
        .orElseThrow(
            () ->
                new ImportException(
                    "--machine: '%s' has no card; these have: %s"
                        .formatted(entry, String.join(", ", cards()))));
  }

  private static List<String> cards() {
    return Library.entries().stream().filter(entry -> card(entry).isPresent()).toList();
  }

  private static Optional<String> card(String entry) {
    return Library.cards(entry).stream().findFirst();
  }

  /** Lines of a platform with the devices that a plan uses. */
  List<String> devices(boolean gpu, boolean disk, Map<String, String> properties) {
    var lines = new java.util.ArrayList<String>();
    if (gpu) {
      lines.add(
          "gpu gpu0 = %s { %s }".formatted(card, properties.getOrDefault("gpu0", "reserve 1 GiB")));
    }
    lines.add(
        "host ram = generic.DDR4 { %s }"
            .formatted(properties.getOrDefault("ram", "memory 200 GiB reserve 10%")));
    if (disk) {
      lines.add(
          "disk nvme = generic.NVMe { memory 1.5 TB path %s }"
              .formatted(properties.getOrDefault("nvme", "\"offload\"")));
    }
    return lines;
  }
}
