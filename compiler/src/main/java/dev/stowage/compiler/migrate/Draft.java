package dev.stowage.compiler.migrate;

import dev.stowage.dsl.StowParser;
import java.util.ArrayList;
import java.util.List;

/**
 * The text of a plan in the making: statements, each under a comment that says where it is from.
 */
final class Draft {
  private final StringBuilder text = new StringBuilder();
  private final List<Note> notes;

  /**
   * @param tool the tool's name, for people
   * @param notes what is not carried over; read when the text is {@linkplain #finish() finished}
   */
  Draft(String tool, String plan, List<Note> notes) {
    this.notes = notes;
    text.append(
        "// Imported from %s. Each comment says where the next statement comes from.\n"
            .formatted(tool));
    text.append("plan ").append(plan).append("\n\n");
  }

  /** A comment that says where what follows comes from. */
  Draft from(String origin) {
    text.append("// ").append(Flags.printable(origin)).append('\n');
    return this;
  }

  Draft line(String statement) {
    text.append(statement).append('\n');
    return this;
  }

  Draft gap() {
    text.append('\n');
    return this;
  }

  void platform(Hardware hardware, boolean gpu, List<String> devices, String origin) {
    if (gpu) {
      line("import " + Flags.quoted(hardware.entry()));
    }
    line("import \"lib:generic/host\"").gap();
    from(origin).line("platform box {");
    devices.forEach(this::line);
    line("}").gap();
  }

  /** The laid-out text, what could not be carried over at its end. */
  Imported finish() {
    var all = new ArrayList<Note>(notes);
    if (!all.isEmpty()) {
      gap().from("Not carried over:");
      all.forEach(note -> from("  " + note.flag() + ": " + note.why()));
    }
    return new Imported(
        StowParser.format(text.toString())
            .orElseThrow(
                () -> new IllegalStateException("imported to a text that is no plan:\n" + text)),
        all);
  }
}
