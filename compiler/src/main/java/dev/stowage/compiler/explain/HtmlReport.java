package dev.stowage.compiler.explain;

import dev.stowage.compiler.explain.Explanation.Layer;
import dev.stowage.compiler.explain.Explanation.Part;
import dev.stowage.compiler.explain.Explanation.Solution;
import dev.stowage.optimizer.advice.Advice;
import dev.stowage.plan.Footprint;
import dev.stowage.plan.Origin;
import dev.stowage.plan.text.Amount;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * An explanation as one page that needs nothing else: no network, no script. The same explanation
 * gives the same bytes. Exact amounts lie in {@code <data value>} behind those that people read.
 */
public final class HtmlReport {
  private final Explanation explained;
  private final Html html = new Html();
  private final Charts charts;

  private HtmlReport(Explanation explained) {
    this.explained = explained;
    charts = new Charts(html, explained);
  }

  public static String render(Explanation explained) {
    return new HtmlReport(explained).page();
  }

  private String page() {
    html.open("html", "lang", "en", "xmlns", "http://www.w3.org/1999/xhtml").open("head");
    html.empty("meta", "charset", "utf-8");
    html.empty("meta", "name", "viewport", "content", "width=device-width, initial-scale=1");
    html.empty(
        "meta",
        "http-equiv",
        "Content-Security-Policy",
        "content",
        "default-src 'none'; style-src 'unsafe-inline'");
    html.leaf("title", "Stowage: " + explained.plan());
    html.leaf("style", css()).close();
    html.open("body");
    header();
    html.open("main");
    figures();
    explained.measured().ifPresent(this::measured);
    memory();
    shares();
    layers();
    explained.simulation().ifPresent(this::timelines);
    explained.solution().ifPresent(this::work);
    explained.solution().ifPresent(this::prices);
    explained.solution().flatMap(Solution::advice).ifPresent(this::advice);
    explained.solution().ifPresent(this::tradeOff);
    rates();
    notes();
    html.close();
    html.leaf(
        "footer",
        "Made by Stowage from the plan alone: nothing on this page was fetched, and nothing was run unless it says measured.");
    html.close().close();
    return html.toString();
  }

  private static String css() {
    try (var in = HtmlReport.class.getResourceAsStream("report.css")) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }

  private void header() {
    var model = explained.model();
    var batch = explained.batch();
    html.open("header");
    html.leaf("p", "Stowage plan report", "class", "eyebrow");
    html.leaf("h1", explained.plan());
    html.open("p", "class", "lead");
    html.text(model.source() + ", ").amount(model.layers(), Integer.toString(model.layers()));
    html.text(" layers, ").amount(model.weightBytes(), Amount.bytes(model.weightBytes()));
    html.text(
        " of weights as " + model.weightType() + ", KV as " + model.kvType() + ". A block is ");
    html.amount(batch.sequences(), Integer.toString(batch.sequences())).text(" sequences in ");
    html.amount(batch.microBatches(), Integer.toString(batch.microBatches()));
    html.text(" micro-batches, prompts of ");
    html.amount(batch.promptTokens(), Integer.toString(batch.promptTokens()));
    html.text(" tok in chunks of ");
    html.amount(batch.prefillChunk(), Integer.toString(batch.prefillChunk())).text(", ");
    html.amount(batch.generateTokens(), Integer.toString(batch.generateTokens()));
    html.text(" tok generated; " + HumanReport.schedule(explained.schedule()) + ".").close();
    html.open("ul", "class", "chips");
    html.leaf("li", "predicted");
    if (explained.measured().isPresent()) {
      html.leaf("li", "measured");
    }
    if (model.shapeOnly()) {
      html.leaf("li", "a shape without weights: planned, cannot run", "class", "warn");
    }
    if (explained.emulated()) {
      html.leaf("li", "simulated: an emulated drive takes part", "class", "warn");
    }
    if (assumes()) {
      html.leaf("li", "some rates are assumed", "class", "warn");
    }
    if (explained.solution().isEmpty()) {
      html.leaf("li", "from a compiled plan: what only compiling knows is left out");
    }
    html.close().close();
  }

  private boolean assumes() {
    return explained.devices().stream()
        .filter(device -> device.plannedBytes() > 0)
        .flatMap(device -> device.rates().stream())
        .anyMatch(rate -> rate.origin() == Origin.ASSUMED);
  }

  private void figures() {
    var predicted = explained.predicted();
    html.open("section", "class", "figures", "aria-label", "Predicted for a block");
    figure(
        "Throughput",
        predicted.throughputTokensPerSecond(),
        Amount.rate(predicted.throughputTokensPerSecond()),
        "generated tokens over the whole block");
    figure(
        "Block",
        explained.blockSeconds(),
        Amount.seconds(explained.blockSeconds()),
        "all prompts, then all generated tokens");
    figure(
        "Prefill",
        predicted.prefillTokensPerSecond(),
        Amount.rate(predicted.prefillTokensPerSecond()),
        Amount.seconds(predicted.prefillSeconds()) + ", bound by " + predicted.prefillBound());
    figure(
        "Decode",
        predicted.decodeTokensPerSecond(),
        Amount.rate(predicted.decodeTokensPerSecond()),
        Amount.seconds(predicted.decodeSeconds()) + ", bound by " + predicted.decodeBound());
    html.close();
  }

  private void figure(String name, double value, String shown, String more) {
    html.open("div").open("dl");
    html.leaf("dt", name).open("dd").amount(value, shown).close();
    html.leaf("dd", more, "class", "more").close().close();
  }

  private void measured(Measured run) {
    section(
        "Predicted and measured",
        "Predicted for a full block; measured in a run of %d prompt and %d generated tokens%s, which may fill less of it. Kernels: %s"
            .formatted(
                run.promptTokens(),
                run.generatedTokens(),
                run.emulated() ? " with an emulated drive" : "",
                run.kernels()));
    var pairs = Compared.of(explained.predicted(), run);
    for (var pair : pairs) {
      double largest = Math.max(pair.predicted(), pair.measured());
      html.open("div", "class", "row").leaf("h3", pair.name());
      html.open("div", "class", "two").leaf("span", "predicted", "class", "name");
      charts.rate("predicted", pair.predicted(), largest, "predicted " + pair.name());
      html.leaf("span", "measured", "class", "name");
      charts.rate("measured", pair.measured(), largest, "measured " + pair.name());
      html.close().close();
    }
    table(
        "Rates of a full block and of the run",
        "rate",
        "predicted>",
        "measured>",
        "measured / predicted>");
    for (var pair : pairs) {
      html.open("tr");
      head(pair.name());
      number(pair.predicted(), Amount.rate(pair.predicted()));
      number(pair.measured(), Amount.rate(pair.measured()));
      number(pair.ratio(), Amount.percent(pair.ratio()));
      html.close();
    }
    end();
    var lanes = ComparedLane.of(explained.predicted(), explained.solution(), run);
    if (!lanes.isEmpty()) {
      table("Share of a phase in which lanes work", "phase", "lane", "predicted>", "measured>");
      for (var lane : lanes) {
        html.open("tr");
        head(lane.phase());
        html.leaf("td", lane.lane());
        if (lane.predicted().isPresent()) {
          double share = lane.predicted().getAsDouble();
          number(share, Amount.percent(share));
        } else {
          html.leaf("td", "");
        }
        number(lane.measured(), Amount.percent(lane.measured()));
        html.close();
      }
      end();
    }
    html.close();
  }

  private void memory() {
    section(
        "What devices hold",
        "Each bar is the whole of a device. All of it is set aside before the first token, the KV cache for its fullest. Beside it the process itself holds at most %s of host memory, %s more where it also compiles the plan."
            .formatted(
                Amount.bytes(explained.processBytes()), Amount.bytes(Footprint.COMPILING_BYTES)));
    legend(
        "weights",
        "weights",
        "kv",
        "KV cache",
        "activations",
        "activations",
        "working",
        "working set",
        "reserve",
        "reserve",
        "free",
        "free");
    for (var device : explained.devices()) {
      html.open("div", "class", "row").open("div", "class", "row-head");
      html.open("div").leaf("b", device.name()).text(" ");
      html.leaf("span", device.kindInWords()).close();
      html.leaf(
          "span",
          device.plannedBytes() == 0
              ? "not used, " + Amount.bytes(device.usableBytes()) + " usable"
              : "%s of %s usable, %s free"
                  .formatted(
                      Amount.bytes(device.plannedBytes()),
                      Amount.bytes(device.usableBytes()),
                      Amount.bytes(device.freeBytes())));
      html.close();
      charts.memory(device);
      html.close();
    }
    table(
        "Bytes of each device by use",
        "device",
        "kind",
        "weights>",
        "KV cache>",
        "activations>",
        "working set>",
        "free>",
        "reserve>",
        "all>");
    for (var device : explained.devices()) {
      html.open("tr");
      head(device.name());
      html.leaf("td", device.kindInWords());
      for (long bytes :
          new long[] {
            device.weightBytes(),
            device.kvBytes(),
            device.activationBytes(),
            device.workingBytes(),
            device.freeBytes(),
            device.reserveBytes(),
            device.capacityBytes()
          }) {
        number(bytes, Amount.bytes(bytes));
      }
      html.close();
    }
    end().close();
  }

  private void shares() {
    section(
        "What was asked, planned, realised",
        "Planned is the optimizer's fraction; realised is what whole rows, heads and tokens make of it.");
    table("Shares by device", "what", "on", "asked", "planned>", "realised>", "bytes>");
    for (var share : explained.shares()) {
      html.open("tr");
      head(share.what());
      html.leaf("td", share.device()).leaf("td", share.asked(), "class", "words");
      number(share.planned(), Amount.percent(share.planned()));
      number(share.realised(), Amount.percent(share.realised()));
      number(share.bytes(), Amount.bytes(share.bytes()));
      html.close();
    }
    end().close();
  }

  private void layers() {
    section(
        "Layer by layer",
        "From the embedding to the head: which devices hold each layer's rows, and its keys and values.");
    html.open("ul", "class", "legend");
    for (var device : explained.devices()) {
      if (device.plannedBytes() > 0) {
        swatch(charts.style(device.name()), device.name());
      }
    }
    html.close();
    html.leaf("h3", "Weights");
    charts.strip("weights", Layer::weights);
    charts.stripAxis();
    html.leaf("h3", "KV cache");
    charts.strip("KV cache", Layer::kv);
    charts.stripAxis();
    html.open("details").leaf("summary", "Bytes of every layer");
    table("Layers that lie alike share a line", "layer", "weights, each", "KV cache, each");
    var all = explained.layers();
    for (int from = 0; from < all.size(); ) {
      int to = from + 1;
      while (to < all.size()
          && all.get(to).weights().equals(all.get(from).weights())
          && all.get(to).kv().equals(all.get(from).kv())) {
        to++;
      }
      var layer = all.get(from);
      html.open("tr");
      head(
          to == from + 1
              ? Charts.title(layer)
              : Charts.title(layer) + " to " + Charts.title(all.get(to - 1)));
      parts(layer, Layer::weights);
      parts(layer, Layer::kv);
      html.close();
      from = to;
    }
    end().close().close();
  }

  private void parts(Layer layer, Function<Layer, List<Part>> of) {
    html.open("td");
    String separator = "";
    for (var part : of.apply(layer)) {
      html.text(separator).amount(part.bytes(), Amount.bytes(part.bytes()));
      html.text(" on " + part.device());
      separator = ", ";
    }
    html.close();
  }

  private void timelines(Simulation simulation) {
    section(
        "A steady step, lane by lane",
        "Simulated on a virtual clock with the rates below, by walking the plan's steps in the schedule's order; nothing was run. Height is how busy a lane is; the busiest is marked.");
    for (var step : simulation.steps()) {
      html.open("h3").text(step.title() + ": ");
      html.amount(step.seconds(), Amount.seconds(step.seconds())).close();
      html.open("div", "class", "lanes");
      for (var lane : step.lanes()) {
        html.open("span", "class", lane.bottleneck() ? "lane-name mark" : "lane-name");
        html.text((lane.bottleneck() ? "▸ " : "") + lane.name()).close();
        html.open("div", "class", "lane-bar");
        charts.lane(step, lane);
        html.close();
        html.open("span", "class", lane.bottleneck() ? "end mark" : "end");
        html.text("busy ").amount(lane.busySeconds(), Amount.seconds(lane.busySeconds())).close();
      }
      html.close();
    }
    html.leaf("h3", "Predicted and simulated");
    table("Seconds of a block, and its throughput", "", "predicted>", "simulated>");
    var predicted = explained.predicted();
    pair("prefill", predicted.prefillSeconds(), simulation.prefillSeconds());
    pair("decode", predicted.decodeSeconds(), simulation.decodeSeconds());
    html.open("tr");
    head("throughput");
    number(
        predicted.throughputTokensPerSecond(), Amount.rate(predicted.throughputTokensPerSecond()));
    number(
        simulation.throughputTokensPerSecond(),
        Amount.rate(simulation.throughputTokensPerSecond()));
    html.close();
    end();
    if (!simulation.stalls().isEmpty()) {
      table(
          "What the compute lane waited for in a simulated block",
          "phase",
          "waited for",
          "seconds>");
      for (var stall : simulation.stalls()) {
        html.open("tr");
        head(stall.phase());
        html.leaf("td", stall.waitedFor(), "class", "words");
        number(stall.seconds(), Amount.seconds(stall.seconds()));
        html.close();
      }
      end();
    }
    html.close();
  }

  private void pair(String name, double predicted, double simulated) {
    html.open("tr");
    head(name);
    number(predicted, Amount.seconds(predicted));
    number(simulated, Amount.seconds(simulated));
    html.close();
  }

  private void work(Solution solution) {
    section(
        "What works how long",
        "Seconds that each resource is busy for a block. A phase lasts about as long as its busiest resource: the one marked.");
    for (var phase : List.of("prefill", "decode")) {
      var busy = solution.busy().stream().filter(b -> b.phase().equals(phase)).toList();
      double longest = busy.stream().mapToDouble(Explanation.Busy::seconds).max().orElse(0);
      html.leaf("h3", phase).open("div", "class", "lanes");
      for (var b : busy) {
        html.open("span", "class", b.binding() ? "lane-name mark" : "lane-name");
        html.text((b.binding() ? "▸ " : "") + b.resource()).close();
        html.open("div", "class", "lane-bar");
        charts.lane(
            new Timeline(phase, "", longest, List.of()),
            new Timeline.Lane(
                b.resource(),
                b.seconds(),
                b.binding(),
                List.of(new Timeline.Interval("busy", 0, b.seconds(), 1))));
        html.close();
        html.open("span", "class", b.binding() ? "end mark" : "end");
        html.amount(b.seconds(), Amount.seconds(b.seconds())).close();
      }
      html.close();
    }
    html.close();
  }

  private void prices(Solution solution) {
    section(
        "What limits the plan",
        solution.prices().isEmpty()
            ? "No limit on memory, shares or time has a price in time: it is the speed of the resources above that counts, or the goal is not about time."
            : "What one more unit would be worth. Prices hold near this plan and at its batch shape only.");
    if (!solution.prices().isEmpty()) {
      table(
          "Binding limits with their prices",
          "limit",
          "one more",
          "throughput>",
          "a block's time>",
          "set by");
      for (var price : solution.prices()) {
        html.open("tr");
        head(price.limit());
        html.leaf("td", price.unit());
        number(
            price.tokensPerSecondPerUnit(),
            HumanReport.signed(
                price.tokensPerSecondPerUnit(),
                Amount.rate(Math.abs(price.tokensPerSecondPerUnit()))));
        number(
            price.secondsPerUnit(),
            HumanReport.signed(
                price.secondsPerUnit(), Amount.seconds(Math.abs(price.secondsPerUnit()))));
        html.open("td", "class", "words");
        if (price.statements().isEmpty()) {
          html.leaf("span", "the machine", "class", "soft");
        }
        for (var statement : price.statements()) {
          html.open("div").leaf("code", statement.text()).text(" ");
          html.leaf("span", statement.file() + ":" + statement.line(), "class", "soft").close();
        }
        html.close().close();
      }
      end();
    }
    html.close();
  }

  private void advice(Advice advice) {
    for (var part : AdviceText.parts(advice)) {
      String title = part.title().substring(0, 1).toUpperCase(Locale.ROOT);
      section(title + part.title().substring(1), part.lead());
      if (!part.rows().isEmpty()) {
        table(part.title(), part.heads().toArray(String[]::new));
        for (var row : part.rows()) {
          html.open("tr");
          head(row.getFirst());
          row.stream().skip(1).forEach(cell -> html.leaf("td", cell));
          html.close();
        }
        end();
      }
      html.close();
    }
    if (!advice.leftOut().isEmpty()) {
      section("Left out of the advice", String.join("; ", advice.leftOut()) + ".");
      html.close();
    }
  }

  private void tradeOff(Solution solution) {
    if (solution.candidates().isEmpty()) {
      return;
    }
    section(
        "Throughput against latency",
        "Every batch shape that was solved and fits, before rounding to whole rows; the filled point is the plan's. Both scales are logarithmic.");
    html.leaf("p", "tok/s", "class", "axis-name");
    charts.tradeOff(solution.candidates());
    html.leaf("p", "time of a block", "class", "axis-name x");
    html.open("details");
    html.open("summary")
        .amount(solution.candidates().size(), solution.candidates().size() + " shapes");
    html.text(", ").amount(solution.programs(), solution.programs() + " linear programs").close();
    table(
        "The best first",
        "sequences>",
        "micro-batches>",
        "chunk>",
        "ahead>",
        "KV as",
        "throughput>",
        "block>");
    for (var candidate : solution.candidates()) {
      html.open("tr", "class", candidate.chosen() ? "strong" : "");
      var batch = candidate.batch();
      for (int value :
          new int[] {
            batch.sequences(), batch.microBatches(), batch.prefillChunk(), candidate.prefetch()
          }) {
        number(value, Integer.toString(value));
      }
      html.leaf("td", candidate.kvType() + (candidate.chosen() ? ", chosen" : ""));
      number(
          candidate.throughputTokensPerSecond(),
          Amount.rate(candidate.throughputTokensPerSecond()));
      number(candidate.blockSeconds(), Amount.seconds(candidate.blockSeconds()));
      html.close();
    }
    end().close().close();
  }

  private void rates() {
    section(
        "What it rests on",
        "Rates of the machine and where each comes from. A prediction is as good as these.");
    html.open("details").leaf("summary", "All rates");
    table("Rates by device", "device or link", "rate", "value>", "origin");
    for (var device : explained.devices()) {
      for (var rate : device.rates()) {
        html.open("tr");
        head(device.name());
        html.leaf("td", rate.name());
        number(rate.value(), rate(rate.value(), rate.unit()));
        html.leaf("td", rate.origin().word()).close();
      }
    }
    for (var link : explained.links()) {
      html.open("tr");
      head(link.from() + " → " + link.to());
      html.leaf("td", "link");
      number(link.bytesPerSecond(), rate(link.bytesPerSecond(), "B/s"));
      html.leaf("td", link.origin().word()).close();
    }
    end().close().close();
  }

  /** A rate in decimal units, as data sheets give them. */
  private static String rate(double value, String unit) {
    if (unit.equals("s")) {
      return Amount.seconds(value);
    }
    if (unit.equals("s/s")) {
      return Amount.percent(value);
    }
    String[] prefixes = {"", "k", "M", "G", "T", "P"};
    int prefix = 0;
    double scaled = value;
    while (scaled >= 1000 && prefix < prefixes.length - 1) {
      scaled /= 1000;
      prefix++;
    }
    return Amount.format("%.4g %s%s", scaled, prefixes[prefix], unit);
  }

  private void notes() {
    if (explained.notes().isEmpty()) {
      return;
    }
    section("What the compiler says", "Warnings and hints about the source.");
    html.open("ul", "class", "notes");
    for (var note : explained.notes()) {
      html.open("li").leaf("b", note.severity() + " " + note.code()).text(" ");
      html.leaf("span", note.file() + ":" + note.line(), "class", "soft");
      html.text(" " + note.message()).close();
    }
    html.close().close();
  }

  // -- pieces

  private void section(String title, String lead) {
    html.open("section").leaf("h2", title).leaf("p", lead, "class", "soft");
  }

  /**
   * Opens a table that scrolls by itself where the page is narrow.
   *
   * @param heads titles; one that ends with {@code >} is of numbers
   */
  private void table(String caption, String... heads) {
    html.open("div", "class", "scroll", "role", "region", "aria-label", caption, "tabindex", "0");
    html.open("table").leaf("caption", caption).open("thead").open("tr");
    for (var title : heads) {
      boolean number = title.endsWith(">");
      html.leaf(
          "th",
          number ? title.substring(0, title.length() - 1) : title,
          "scope",
          "col",
          "class",
          number ? "number" : "");
    }
    html.close().close().open("tbody");
  }

  /** Closes a table. */
  private Html end() {
    return html.close().close().close();
  }

  private void head(String title) {
    html.leaf("th", title, "scope", "row");
  }

  private void number(double value, String shown) {
    html.open("td", "class", "number").amount(value, shown).close();
  }

  private void legend(String... stylesAndNames) {
    html.open("ul", "class", "legend");
    for (int i = 0; i < stylesAndNames.length; i += 2) {
      swatch(stylesAndNames[i], stylesAndNames[i + 1]);
    }
    html.close();
  }

  private void swatch(String style, String name) {
    html.open("li").open("svg", "aria-hidden", "true");
    html.empty("rect", "class", style, "width", "100%", "height", "100%");
    html.close().text(name).close();
  }
}
