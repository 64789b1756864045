package dev.stowage.plan.text;

import dev.stowage.plan.verify.PlanVerifier;
import dev.stowage.plan.verify.ScheduleVerifier;
import dev.stowage.plan.verify.Violation;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;

/**
 * A {@code .stowplan}: UTF-8 text that says all an executing machine needs to know.
 *
 * <pre>
 * stowplan 1
 * …the plan…
 * …the schedule…
 * sha256 …hex digits, over all bytes before this line…
 * </pre>
 *
 * Equal plans and schedules make equal bytes. The digest finds damage, not malice: a plan is
 * verified after it is read.
 */
public final class StowPlanFile {
  /** The version of the format that is written and read. */
  public static final int VERSION = 1;

  private static final int MOST_BYTES = 64 << 20;
  private static final String MAGIC = "stowplan ";
  private static final String DIGEST = "sha256 ";
  private static final int DIGEST_LINE = DIGEST.length() + 64 + 1;

  private StowPlanFile() {}

  /** Replaces the file as a whole. */
  public static void write(Path file, StowPlan stowPlan) throws IOException {
    AtomicFile.write(file, bytes(stowPlan));
  }

  /** The file's bytes. */
  public static byte[] bytes(StowPlan stowPlan) {
    var text =
        MAGIC
            + VERSION
            + "\n"
            + PlanPrinter.print(stowPlan.plan())
            + SchedulePrinter.print(stowPlan.schedule());
    var body = text.getBytes(StandardCharsets.UTF_8);
    var last = (DIGEST + digest(body, body.length) + "\n").getBytes(StandardCharsets.UTF_8);
    if (body.length + last.length > MOST_BYTES) {
      throw new IllegalArgumentException(
          "a plan of %d bytes is larger than a .stowplan may be (%d)"
              .formatted(body.length, MOST_BYTES));
    }
    var all = Arrays.copyOf(body, body.length + last.length);
    System.arraycopy(last, 0, all, body.length, last.length);
    return all;
  }

  /**
   * The plan and schedule of a file.
   *
   * @throws PlanFormatException if it is none, is damaged, of another version, or describes what
   *     cannot run; the message begins with the file's name
   * @throws IOException if it cannot be read
   */
  public static StowPlan read(Path file) throws IOException, PlanFormatException {
    try (var in = Files.newInputStream(file)) {
      return read(in, String.valueOf(file.getFileName()));
    }
  }

  /**
   * The plan and schedule of a stream, which stays open.
   *
   * @param name what messages call it
   * @throws PlanFormatException as for a file
   * @throws IOException if it cannot be read
   */
  public static StowPlan read(InputStream in, String name) throws IOException, PlanFormatException {
    byte[] bytes = in.readNBytes(MOST_BYTES + 1);
    try {
      return parse(bytes);
    } catch (PlanFormatException e) {
      throw e.in(name);
    }
  }

  /** The plan and schedule of a file's bytes. */
  static StowPlan parse(byte[] bytes) throws PlanFormatException {
    if (bytes.length > MOST_BYTES) {
      throw new PlanFormatException(
          0, "larger than the %d MiB that a .stowplan may have".formatted(MOST_BYTES >> 20));
    }
    var start = new String(bytes, 0, Math.min(bytes.length, 32), StandardCharsets.UTF_8);
    if (!start.startsWith(MAGIC)) {
      throw new PlanFormatException(
          0, "not a .stowplan: its first line is not '" + MAGIC + VERSION + "'");
    }
    var version = start.substring(MAGIC.length()).lines().findFirst().orElse("");
    if (!version.equals(String.valueOf(VERSION))) {
      throw new PlanFormatException(
          0,
          "a .stowplan of version '%s'; this Stowage reads version %d, so compile the plan again"
              .formatted(version, VERSION));
    }
    int body = bytes.length - DIGEST_LINE;
    var last = body <= 0 ? "" : new String(bytes, body, DIGEST_LINE, StandardCharsets.ISO_8859_1);
    if (!last.matches(DIGEST + "[0-9a-f]{64}\n") || bytes[body - 1] != '\n') {
      throw new PlanFormatException(
          0, "truncated: its last line is not its digest ('sha256 …'); compile the plan again");
    }
    if (!last.strip().equals(DIGEST + digest(bytes, body))) {
      throw new PlanFormatException(
          0, "damaged or edited: its digest does not match; compile the plan again");
    }
    var in = new TextReader(decode(bytes, body));
    in.statementOf(MAGIC.strip());
    in.integer("a version");
    in.endOfStatement();
    var plan = new PlanParser(in).plan();
    var schedule = new ScheduleParser(in).schedule();
    in.endOfText();
    return verified(new StowPlan(plan, schedule));
  }

  private static StowPlan verified(StowPlan stowPlan) throws PlanFormatException {
    var violations = PlanVerifier.verify(stowPlan.plan());
    if (violations.isEmpty()) {
      violations = ScheduleVerifier.verify(stowPlan.plan(), stowPlan.schedule());
    }
    if (!violations.isEmpty()) {
      Violation first = violations.getFirst();
      throw new PlanFormatException(
          0,
          "cannot run: %s: %s%s"
              .formatted(
                  first.where(),
                  first.message(),
                  violations.size() > 1 ? " (and %d more)".formatted(violations.size() - 1) : ""));
    }
    return stowPlan;
  }

  private static String decode(byte[] bytes, int length) throws PlanFormatException {
    try {
      return StandardCharsets.UTF_8
          .newDecoder()
          .decode(ByteBuffer.wrap(bytes, 0, length))
          .toString();
    } catch (CharacterCodingException e) {
      throw new PlanFormatException(0, "not UTF-8 text");
    }
  }

  private static String digest(byte[] bytes, int length) {
    try {
      var sha256 = MessageDigest.getInstance("SHA-256");
      sha256.update(bytes, 0, length);
      return HexFormat.of().formatHex(sha256.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java has SHA-256", e);
    }
  }
}
