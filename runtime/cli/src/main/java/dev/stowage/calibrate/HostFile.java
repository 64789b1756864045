package dev.stowage.calibrate;

import dev.stowage.plan.DeviceSpec;
import dev.stowage.plan.ElementType;
import dev.stowage.plan.Origin;
import dev.stowage.plan.Rate;
import dev.stowage.plan.RateCurve.Measure;
import dev.stowage.plan.RateValue;
import dev.stowage.plan.text.AtomicFile;
import java.io.IOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;

/** A calibration as the platform that plans take with {@code platform from "host.stow"}. */
public final class HostFile {
  /** The first words of every file written here. */
  private static final String FIRST = "// Measured by 'stowage calibrate'";

  /** Digits that are kept of a measured number. */
  private static final MathContext DIGITS = new MathContext(4);

  private HostFile() {}

  /** A number as it will be read back. */
  static double rounded(double value) {
    return new BigDecimal(value).round(DIGITS).doubleValue();
  }

  /** The text of the file. */
  public static String text(Calibration calibration) {
    var text = new StringBuilder();
    text.append(FIRST).append(" on ").append(calibration.date()).append(".\n");
    calibration.notes().forEach(note -> text.append("// ").append(note).append('\n'));
    text.append("library calibrated\n\nplatform here {\n");
    device(text, "host", calibration.host(), calibration.date());
    calibration.disk().ifPresent(disk -> device(text, "disk", disk, calibration.date()));
    return text.append("}\n").toString();
  }

  /**
   * Writes the file whole or not at all.
   *
   * @throws CalibrationException if a file lies there that is no calibration
   */
  public static void write(Path target, Calibration calibration) throws IOException {
    requireReplaceable(target);
    AtomicFile.write(target, text(calibration).getBytes(StandardCharsets.UTF_8));
  }

  /** Refuses to replace what people wrote. */
  public static void requireReplaceable(Path target) throws IOException {
    if (!Files.exists(target)) {
      return;
    }
    try (var in = Files.newInputStream(target)) {
      var begins = new String(in.readNBytes(FIRST.length()), StandardCharsets.UTF_8);
      if (!begins.equals(FIRST)) {
        throw new CalibrationException(
            "%s was not written by calibrate, so it is left as it is; name another file"
                .formatted(target));
      }
    }
  }

  private static void device(StringBuilder text, String kind, DeviceSpec device, LocalDate date) {
    text.append("  ").append(kind).append(' ').append(device.name()).append(" {\n");
    line(text, "memory", mebibytes(device.capacityBytes()), Origin.MEASURED, date);
    line(text, "reserve", mebibytes(device.reserveBytes()), Origin.ASSUMED, date);
    device.path().ifPresent(path -> text.append("    path ").append(quoted(path)).append('\n'));
    device
        .rates()
        .forEach(
            (rate, value) -> line(text, rate.property().orElseThrow(), unit(rate), value, date));
    for (var curve : device.curves()) {
      var type = curve.type().map(t -> "(" + word(t) + ")").orElse("");
      curve
          .points()
          .forEach(
              (size, value) ->
                  line(
                      text,
                      "%s%s at %s"
                          .formatted(curve.measure().word(), type, size(curve.measure(), size)),
                      curve.measure().unit(),
                      value,
                      date));
    }
    text.append("  }\n");
  }

  /** Decode attention is said in FLOP/s, one a byte. */
  private static String unit(Rate rate) {
    return rate == Rate.ATTENTION ? "FLOP/s" : rate.unit();
  }

  private static String word(ElementType type) {
    return switch (type) {
      case F32 -> "fp32";
      case F16 -> "fp16";
      case BF16, INT8, INT4 -> type.word();
      case Q8_0, Q4_0, Q4_K, Q6_K ->
          throw new IllegalArgumentException(type.word() + " is measured as int8 or int4");
    };
  }

  private static String size(Measure measure, long size) {
    return switch (measure) {
      case MATMUL, MATMUL_CACHED, MATMUL_SMALL, ATTEND, ATTEND_GROUPED, ATTEND_PROMPT ->
          size + " tok";
      case SWEEP, READ, READ_CACHED, WRITE, WRITE_CACHED ->
          size % 1024 == 0 ? size / 1024 + " KiB" : size + " B";
    };
  }

  private static String mebibytes(long bytes) {
    return (bytes >> 20) + " MiB";
  }

  private static void line(
      StringBuilder text, String what, String unit, RateValue value, LocalDate date) {
    line(text, what, number(value.value(), unit), value.origin(), date);
  }

  private static void line(
      StringBuilder text, String what, String value, Origin origin, LocalDate date) {
    text.append("    ").append(what).append(' ').append(value).append("  ").append(origin.word());
    if (origin == Origin.MEASURED || origin == Origin.FITTED) {
      text.append(' ').append(date);
    }
    text.append('\n');
  }

  private static String number(double value, String unit) {
    return switch (unit) {
      case "s" -> scaled(value, 1e-6, "us");
      case "s/s" -> scaled(value, 1e-2, "%");
      case "B/s" -> value < 1e9 ? scaled(value, 1e6, "MB/s") : scaled(value, 1e9, "GB/s");
      case "FLOP/s" -> value < 1e9 ? scaled(value, 1e6, "MFLOPS") : scaled(value, 1e9, "GFLOPS");
      default -> throw new IllegalArgumentException("a rate in " + unit);
    };
  }

  private static String scaled(double value, double unit, String word) {
    var number = new BigDecimal(value).round(DIGITS).divide(new BigDecimal(Double.toString(unit)));
    return number.stripTrailingZeros().toPlainString() + " " + word;
  }

  private static String quoted(String text) {
    return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"") + '"';
  }
}
