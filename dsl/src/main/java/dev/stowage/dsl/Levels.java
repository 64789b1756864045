package dev.stowage.dsl;

import dev.stowage.dsl.script.Script;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * How much each diagnostic matters in one folder, as its {@code stowage-lint.properties} says: a
 * code or a family, and error, warning or off. Found by walking up from the source. What a comment
 * allows (see {@link Suppressions}) is left out.
 *
 * <pre>
 * SW4   = error
 * SW402 = off
 * </pre>
 *
 * <p>Errors of the families SW0 to SW3 cannot be lowered, nor can SW701: what they are about could
 * not be compiled.
 */
public final class Levels {
  static final String FILE = "stowage-lint.properties";
  private static final int LARGEST = 1 << 16;
  private static final int HIGHEST = 64;
  private static final Pattern KEY = Pattern.compile("SW[0-9]([0-9]{2})?");
  private static final Pattern VALUE = Pattern.compile("error|warning|off");

  private final Map<String, String> levels = new HashMap<>();
  private final List<Diagnostic> wrong = new ArrayList<>();

  private Levels() {}

  /**
   * What there is to say of a source after its folder's levels and its own comments.
   *
   * @param found by all stages, in any order
   * @param script the source as read
   * @param complete whether every stage has looked at it, so that a suppression without a
   *     diagnostic is without use
   */
  public static List<Diagnostic> apply(
      List<Diagnostic> found, Script script, Path source, boolean complete) {
    return apply(found, script, source, complete, Set.of());
  }

  /**
   * The same, where some rules were not looked at.
   *
   * @param notLookedFor codes whose suppressions may well be of use
   */
  public static List<Diagnostic> apply(
      List<Diagnostic> found,
      Script script,
      Path source,
      boolean complete,
      Set<String> notLookedFor) {
    Levels levels = of(source);
    List<Diagnostic> all =
        new ArrayList<>(Suppressions.of(script).apply(found, complete, notLookedFor));
    all.addAll(levels.wrong);
    return all.stream().map(levels::level).flatMap(Optional::stream).toList();
  }

  /** Whether a rule may be silenced or made a warning. */
  static boolean canBeLowered(String code) {
    return code.matches("SW[456].*");
  }

  private Optional<Diagnostic> level(Diagnostic diagnostic) {
    String code = diagnostic.code();
    String level = levels.getOrDefault(code, levels.get(code.substring(0, 3)));
    boolean lowerable = canBeLowered(code);
    return switch (level) {
      case "error" -> Optional.of(diagnostic.withSeverity(Severity.ERROR));
      case "warning" ->
          Optional.of(lowerable ? diagnostic.withSeverity(Severity.WARNING) : diagnostic);
      case "off" -> lowerable ? Optional.empty() : Optional.of(diagnostic);
      case null, default -> Optional.of(diagnostic);
    };
  }

  /** Where a source's levels are looked for, in this order; the first that is there counts. */
  public static List<Path> lookedFor(Path source) {
    var files = new ArrayList<Path>();
    Path folder = source.toAbsolutePath().normalize().getParent();
    for (int i = 0; folder != null && i < HIGHEST; folder = folder.getParent(), i++) {
      files.add(folder.resolve(FILE));
    }
    return files;
  }

  private static Levels of(Path source) {
    var levels = new Levels();
    lookedFor(source).stream().filter(Files::isRegularFile).findFirst().ifPresent(levels::read);
    return levels;
  }

  private void read(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = in.readNBytes(LARGEST + 1);
      if (bytes.length > LARGEST) {
        wrong.add(
            Messages.levelsUnreadable(
                SourceSpan.startOf(file.toString()), "the file is too large"));
        return;
      }
      lines(file.toString(), new String(bytes, StandardCharsets.UTF_8));
    } catch (IOException e) {
      wrong.add(
          Messages.levelsUnreadable(
              SourceSpan.startOf(file.toString()), "the file cannot be read"));
    }
  }

  private void lines(String file, String text) {
    int offset = 0;
    int number = 0;
    for (String line : text.split("\n", -1)) {
      number++;
      String content = line.strip();
      if (!content.isEmpty() && !content.startsWith("#") && !content.startsWith("!")) {
        int column = line.indexOf(content);
        line(content, new SourceSpan(file, offset + column, content.length(), number, column + 1));
      }
      offset += line.length() + 1;
    }
  }

  private void line(String line, SourceSpan at) {
    int sign = line.indexOf('=');
    String key = (sign < 0 ? line : line.substring(0, sign)).strip();
    String value = sign < 0 ? "" : line.substring(sign + 1).strip().toLowerCase(Locale.ROOT);
    if (!KEY.matcher(key).matches() || key.length() == 5 && Codes.page(key).isEmpty()) {
      wrong.add(Messages.levelOfNothing(at, key));
    } else if (!VALUE.matcher(value).matches()) {
      wrong.add(Messages.noSuchLevel(at, value));
    } else if (!value.equals("error") && key.matches("SW[0-3].*|SW701")) {
      wrong.add(Messages.cannotBeLowered(at, key));
    } else if (levels.put(key, value) != null) {
      wrong.add(Messages.levelSetTwice(at, key));
    }
  }
}
