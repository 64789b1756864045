package dev.stowage.compiler.explain;

import dev.stowage.compiler.explain.Explanation.Candidate;
import dev.stowage.compiler.explain.Explanation.Device;
import dev.stowage.compiler.explain.Explanation.Layer;
import dev.stowage.compiler.explain.Explanation.Part;
import dev.stowage.plan.text.Amount;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/**
 * Pictures of an explanation, as inline SVG whose positions are percentages: they fill whatever
 * width there is, and their letters keep their size. Each has a name and a table beside it says the
 * same, so that nobody needs to see it.
 */
final class Charts {
  /** The least a part that is there is wide: a hair. */
  private static final double HAIR = 0.004;

  /** The least a piece of work is wide. */
  private static final double SLIVER = 0.001;

  /** Tick labels that fit under a strip on a small screen. */
  private static final int MOST_TICKS = 8;

  /** Layers that are drawn with a gap between them. */
  private static final int MOST_GAPS = 48;

  private final Html html;
  private final Explanation explained;

  Charts(Html html, Explanation explained) {
    this.html = html;
    this.explained = explained;
  }

  private record Piece(String style, String name, long bytes) {}

  /** A device's memory from end to end. */
  void memory(Device device) {
    var pieces =
        List.of(
            new Piece("weights", "weights", device.weightBytes()),
            new Piece("kv", "KV cache", device.kvBytes()),
            new Piece("activations", "activations", device.activationBytes()),
            new Piece("working", "working set", device.workingBytes()));
    double all = Math.max(1, device.capacityBytes());
    double reserve = device.reserveBytes() / all;
    html.open(
        "svg",
        "class",
        "bar",
        "role",
        "img",
        "aria-label",
        "Memory of " + device.name() + " by use; the numbers are in the table below");
    html.empty("rect", "class", "free", "width", "100%", "height", "100%");
    double x = 0;
    for (var piece : pieces) {
      if (piece.bytes() > 0) {
        double width = Math.min(Math.max(HAIR, piece.bytes() / all), 1 - x);
        rect(piece.style(), x, 0, width, 1, piece.name() + ": " + Amount.bytes(piece.bytes()));
        x += width;
      }
    }
    if (reserve > 0) {
      rect(
          "reserve", 1 - reserve, 0, reserve, 1, "reserve: " + Amount.bytes(device.reserveBytes()));
    }
    html.close();
  }

  /** Layers side by side; in each, devices on top of each other by their part of its bytes. */
  void strip(String name, Function<Layer, List<Part>> of) {
    var layers = explained.layers();
    html.open(
        "svg",
        "class",
        layers.size() <= MOST_GAPS ? "strip" : "strip dense",
        "role",
        "img",
        "aria-label",
        name + " of each layer by device; the numbers are in the table below");
    html.empty("rect", "class", "free", "width", "100%", "height", "100%");
    double width = 1.0 / layers.size();
    for (int i = 0; i < layers.size(); i++) {
      var layer = layers.get(i);
      var parts = of.apply(layer);
      double all = parts.stream().mapToLong(Part::bytes).sum();
      double y = 0;
      for (var part : parts) {
        double height = part.bytes() / Math.max(1, all);
        rect(
            style(part.device()),
            i * width,
            y,
            width,
            height,
            "%s, %s: %s on %s"
                .formatted(title(layer), name, Amount.bytes(part.bytes()), part.device()));
        y += height;
      }
    }
    html.close();
  }

  /** Names under a strip: all, or of many layers the round numbers. */
  void stripAxis() {
    var layers = explained.layers();
    int step = 1;
    for (int next : new int[] {2, 5, 10, 20, 50, 100, 200, 500, 1000}) {
      step = layers.size() / step > MOST_TICKS ? next : step;
    }
    html.open("svg", "class", "axis", "aria-hidden", "true");
    for (int i = 0; i < layers.size(); i++) {
      String name = layers.get(i).name();
      boolean round =
          Character.isDigit(name.charAt(0)) ? Integer.parseInt(name) % step == 0 : step == 1;
      if (round) {
        html.leaf(
            "text",
            name,
            "x",
            Html.percent((i + 0.5) / layers.size()),
            "y",
            "14",
            "text-anchor",
            "middle");
      }
    }
    html.close();
  }

  static String title(Layer layer) {
    return Character.isDigit(layer.name().charAt(0)) ? "layer " + layer.name() : layer.name();
  }

  /** The colour of a device: by its place in the machine. */
  String style(String device) {
    for (int i = 0; i < explained.devices().size(); i++) {
      if (explained.devices().get(i).name().equals(device)) {
        return "d" + i % 8;
      }
    }
    return "d7";
  }

  /** One lane of a step, on the step's scale. */
  void lane(Timeline timeline, Timeline.Lane lane) {
    double all = timeline.seconds() > 0 ? timeline.seconds() : 1;
    html.open(
        "svg",
        "class",
        "lane",
        "role",
        "img",
        "aria-label",
        "%s works %s of %s"
            .formatted(
                lane.name(),
                Amount.seconds(lane.busySeconds()),
                Amount.seconds(timeline.seconds())));
    html.empty("rect", "class", "free", "width", "100%", "height", "100%");
    for (var interval : lane.intervals()) {
      double from = Math.clamp(interval.fromSeconds() / all, 0, 1);
      double to = Math.clamp(interval.toSeconds() / all, from, 1);
      String style = lane.bottleneck() ? "bottleneck" : "busy";
      double width = Math.max(SLIVER, to - from);
      if (interval.what().isEmpty()) {
        html.empty(
            "rect",
            "class",
            style,
            "x",
            Html.percent(from),
            "y",
            Html.percent(1 - interval.load()),
            "width",
            Html.percent(width),
            "height",
            Html.percent(interval.load()));
      } else {
        String seconds = Amount.seconds(interval.toSeconds() - interval.fromSeconds());
        rect(style, from, 0, width, 1, interval.what() + ": " + seconds);
      }
    }
    html.close();
  }

  /** Two rates on one scale. */
  void rate(String style, double value, double largest, String name) {
    html.open(
        "svg", "class", "lane", "role", "img", "aria-label", name + ": " + Amount.rate(value));
    html.empty("rect", "class", "free", "width", "100%", "height", "100%");
    rect(style, 0, 0, largest > 0 ? value / largest : 0, 1, name + ": " + Amount.rate(value));
    html.close();
  }

  /** Throughput over a block's latency, a point for every batch shape; logarithmic both ways. */
  void tradeOff(List<Candidate> candidates) {
    var xs = Scale.of(candidates.stream().mapToDouble(Candidate::blockSeconds).toArray());
    var ys =
        Scale.of(candidates.stream().mapToDouble(Candidate::throughputTokensPerSecond).toArray());
    html.open("div", "class", "plot");
    html.open("svg", "class", "plot-y", "aria-hidden", "true");
    for (double tick : ys.ticks()) {
      html.leaf(
          "text",
          plain(tick),
          "x",
          "100%",
          "y",
          Html.percent(1 - ys.at(tick)),
          "dy",
          "4",
          "text-anchor",
          "end");
    }
    html.close();
    html.open(
        "svg",
        "class",
        "plot-area",
        "role",
        "img",
        "aria-label",
        "Throughput over a block's latency for %d batch shapes; the numbers are in the table below"
            .formatted(candidates.size()));
    for (double tick : ys.ticks()) {
      String y = Html.percent(1 - ys.at(tick));
      html.empty("line", "class", "grid", "x1", "0%", "x2", "100%", "y1", y, "y2", y);
    }
    for (double tick : xs.times()) {
      String x = Html.percent(xs.at(tick));
      html.empty("line", "class", "grid", "x1", x, "x2", x, "y1", "0%", "y2", "100%");
    }
    var frontier = frontier(candidates);
    for (int i = 1; i < frontier.size(); i++) {
      var from = frontier.get(i - 1);
      var to = frontier.get(i);
      html.empty(
          "line",
          "class",
          "frontier",
          "x1",
          Html.percent(xs.at(from.blockSeconds())),
          "y1",
          Html.percent(1 - ys.at(from.throughputTokensPerSecond())),
          "x2",
          Html.percent(xs.at(to.blockSeconds())),
          "y2",
          Html.percent(1 - ys.at(to.throughputTokensPerSecond())));
    }
    candidates.stream()
        .sorted(Comparator.comparing(Candidate::chosen))
        .forEach(
            c -> {
              html.open(
                  "circle",
                  "class",
                  c.chosen() ? "chosen" : "point",
                  "cx",
                  Html.percent(xs.at(c.blockSeconds())),
                  "cy",
                  Html.percent(1 - ys.at(c.throughputTokensPerSecond())),
                  "r",
                  c.chosen() ? "7" : "4");
              html.leaf(
                  "title",
                  "%d sequences in %d micro-batches, chunks of %d tok: %s, %s a block"
                      .formatted(
                          c.batch().sequences(),
                          c.batch().microBatches(),
                          c.batch().prefillChunk(),
                          Amount.rate(c.throughputTokensPerSecond()),
                          Amount.seconds(c.blockSeconds())));
              html.close();
            });
    html.close();
    html.open("svg", "class", "plot-x", "aria-hidden", "true");
    for (double tick : xs.times()) {
      html.leaf(
          "text", time(tick), "x", Html.percent(xs.at(tick)), "y", "14", "text-anchor", "middle");
    }
    html.close();
    html.close();
  }

  /** A round time. */
  private static String time(double seconds) {
    if (seconds >= 3600 && seconds % 3600 == 0) {
      return Amount.format("%.0f h", seconds / 3600);
    }
    return seconds >= 60 && seconds % 60 == 0
        ? Amount.format("%.0f min", seconds / 60)
        : Amount.seconds(seconds);
  }

  private static String plain(double value) {
    return value >= 1000
        ? Amount.format("%,.0f", value)
        : Amount.format(value >= 10 ? "%.0f" : value >= 1 ? "%.1f" : "%.2g", value);
  }

  /** Shapes that no other beats in both, by latency. */
  private static List<Candidate> frontier(List<Candidate> candidates) {
    var frontier = new ArrayList<Candidate>();
    double best = 0;
    var byLatency =
        candidates.stream().sorted(Comparator.comparingDouble(Candidate::blockSeconds)).toList();
    for (var candidate : byLatency) {
      if (candidate.throughputTokensPerSecond() > best) {
        best = candidate.throughputTokensPerSecond();
        frontier.add(candidate);
      }
    }
    return frontier;
  }

  private void rect(String style, double x, double y, double width, double height, String title) {
    html.open(
        "rect",
        "class",
        style,
        "x",
        Html.percent(x),
        "y",
        Html.percent(y),
        "width",
        Html.percent(width),
        "height",
        Html.percent(height));
    html.leaf("title", title);
    html.close();
  }

  /** Positive values on a logarithmic scale, with some room at both ends. */
  private record Scale(double low, double high) {
    /** In seconds. */
    private static final double[] ROUND_TIMES = {
      1, 5, 15, 60, 300, 900, 3600, 7200, 18000, 36000, 86400, 172800, 432000, 864000
    };

    static Scale of(double[] values) {
      double low = Double.POSITIVE_INFINITY;
      double high = 0;
      for (double value : values) {
        low = Math.min(low, value);
        high = Math.max(high, value);
      }
      low = Math.max(low, 1e-12);
      high = Math.max(high, low);
      double room = Math.pow(high / low, 0.06) * 1.02;
      return new Scale(low / room, high * room);
    }

    double at(double value) {
      return Math.log(Math.max(value, low) / low) / Math.log(high / low);
    }

    /** Round times: of minutes and hours where it is about those. */
    List<Double> times() {
      var times = new ArrayList<Double>();
      for (double time : ROUND_TIMES) {
        if (time >= low && time <= high) {
          times.add(time);
        }
      }
      return high > 120 && times.size() >= 2 ? times : ticks();
    }

    /** Three to six round values: 1, 2, 5 and their tens, or finer where the range is narrow. */
    List<Double> ticks() {
      var ticks = new ArrayList<Double>();
      double decades = Math.log10(high / low);
      double[] steps = decades > 3 ? new double[] {1} : new double[] {1, 2, 5};
      for (int e = (int) Math.floor(Math.log10(low)); Math.pow(10, e) <= high; e++) {
        for (double step : steps) {
          double tick = step * Math.pow(10, e);
          if (tick >= low && tick <= high) {
            ticks.add(tick);
          }
        }
      }
      if (ticks.size() < 3) {
        ticks.clear();
        double unit = Math.pow(10, Math.floor(Math.log10((high - low) / 3)));
        double step = unit * ((high - low) / unit > 6 ? 2 : 1);
        for (double tick = Math.ceil(low / step) * step; tick <= high; tick += step) {
          ticks.add(tick);
        }
      }
      return ticks;
    }
  }
}
