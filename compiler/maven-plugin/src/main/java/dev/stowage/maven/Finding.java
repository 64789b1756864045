package dev.stowage.maven;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Something the compiler says of a place in a plan.
 *
 * @param file absolute; or an entry of the library, {@code lib:maker/name}
 * @param line from 1
 * @param column from 1
 * @param notes related places and ways out, one a line
 */
record Finding(
    Severity severity,
    String code,
    String file,
    int line,
    int column,
    String message,
    List<String> notes) {
  enum Severity {
    ERROR,
    WARNING,
    INFO
  }

  Finding {
    notes = List.copyOf(notes);
  }

  static Finding of(Map<String, Object> json, Path folder) {
    var notes = new ArrayList<String>();
    for (var element : Json.array(json.get("related"))) {
      var related = Json.object(element);
      notes.add(place(related, folder) + " " + Json.text(related, "note"));
    }
    for (var fix : Json.array(json.get("fixes"))) {
      notes.add("fix: " + (fix instanceof Map<?, ?> map ? map.get("title") : fix));
    }
    return new Finding(
        Severity.valueOf(Json.text(json, "severity").toUpperCase(Locale.ROOT)),
        Json.text(json, "code"),
        file(json, folder),
        (int) Json.number(json, "line"),
        (int) Json.number(json, "column"),
        Json.text(json, "message"),
        notes);
  }

  /** In the form in which Maven's own compiler reports, which editors and CI make links of. */
  String text() {
    return file + ":[" + line + "," + column + "] " + said();
  }

  /** What it says, after its code if it has one. */
  String said() {
    return code.isEmpty() ? message : code + " " + message;
  }

  private static String file(Map<String, Object> json, Path folder) {
    String file = Json.text(json, "file");
    return file.startsWith("lib:") ? file : folder.resolve(file).normalize().toString();
  }

  private static String place(Map<String, Object> json, Path folder) {
    return "%s:[%d,%d]"
        .formatted(
            file(json, folder), (int) Json.number(json, "line"), (int) Json.number(json, "column"));
  }
}
