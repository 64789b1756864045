package dev.stowage.dsl;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;

/**
 * Writes scripts at random that have no syntax error and use every rule of the grammar: for tests
 * of whatever reads a script. What they say is as a rule nonsense: names that nobody declared,
 * units that do not fit. The same seed gives the same scripts.
 */
public final class RandomScripts {
  private static final List<String> NAMES =
      List.of(
          "t4",
          "ram",
          "nvme",
          "inst",
          "a",
          "b_2",
          "w",
          "batchSize",
          "minGpu",
          "weight",
          "order",
          "tokens",
          "heads",
          "group",
          "bit",
          "all",
          "none",
          "host",
          "disk",
          "every",
          "device");
  private static final List<String> WORDS =
      List.of("memory", "read-time", "matmul-prefill", "micro-batches", "top-k", "x", "zig-zag");
  private static final List<String> UNITS =
      List.of(
          "%",
          "B", "KiB", "GiB", "TB", "GB/s", "MiB/s", "tok", "tok/s", "TFLOPS", "us", "ms", "s",
          "min", "h", "layer", "layers");
  private static final List<String> TEXTS =
      List.of("\"a\"", "\"\"", "\"two words\"", "\"lib:nvidia/t4\"", "\"a \\\" b\"", "\"// no\"");
  private static final List<String> OPERATORS = List.of(">=", "<=", ">", "<", "=");
  private static final List<String> KINDS = List.of("gpu", "host", "disk", "csd");
  private static final List<String> SUBJECTS = List.of("weights", "kv", "activations");

  private final Random random;
  private final List<String> tokens = new ArrayList<>();

  private RandomScripts(Random random) {
    this.random = random;
  }

  /** A script of some statements, its words apart by random blanks, lines and comments. */
  public static String script(Random random) {
    var scripts = new RandomScripts(random);
    scripts.file();
    return scripts.laidOut();
  }

  private void file() {
    add(one("plan", "library"), name());
    times(0, 8, this::statement);
  }

  private void statement() {
    switch (random.nextInt(13)) {
      case 0 -> add("import", text());
      case 1 -> param();
      case 2 -> deviceType();
      case 3 -> platform();
      case 4 -> model();
      case 5 -> workload();
      case 6 -> place();
      case 7 -> schedule();
      case 8 -> approximate();
      case 9 -> objective();
      case 10 -> expect();
      case 11 -> variant();
      default -> test();
    }
  }

  private void param() {
    add("param", name(), ":", name());
    if (often()) {
      add("=");
      if (seldom()) {
        auto();
      } else {
        if (often()) {
          scalarOrRange();
        } else {
          add(one(OPERATORS));
          scalar();
        }
        maybe(
            () -> {
              add("in");
              range();
            });
      }
    }
  }

  private void deviceType() {
    add("device", one(KINDS), name());
    maybe(() -> add("=", qualified()));
    braces(0, 4, this::property);
  }

  private void platform() {
    add("platform");
    if (seldom()) {
      maybe(() -> add(name()));
      add("from", text());
      maybe(() -> braces(0, 3, this::element));
    } else {
      add(name());
      braces(0, 4, this::element);
    }
  }

  private void element() {
    if (often()) {
      add(one(KINDS), name());
      maybe(
          () -> {
            add("[");
            scalar();
            add("]");
          });
      maybe(() -> add("=", qualified()));
      maybe(() -> braces(0, 3, this::property));
    } else {
      add("link", name(), one("<->", "->"), name());
      maybe(() -> add("peer"));
      maybe(() -> braces(0, 2, this::property));
    }
  }

  private void property() {
    if (seldom()) {
      add("emulated");
      return;
    }
    add(word());
    maybe(() -> add("(", one("fp16", "bf16"), ")"));
    if (seldom()) {
      add(text());
    } else {
      scalar();
    }
    maybe(
        () -> {
          add(one("spec", "measured", "fitted", "assumed"));
          maybe(() -> add("2026-0" + (1 + random.nextInt(9)) + "-1" + random.nextInt(9)));
        });
  }

  private void model() {
    add("model");
    maybe(() -> add(name(), "="));
    switch (random.nextInt(3)) {
      case 0 -> add("hf", text());
      case 1 -> add("gguf", text());
      default -> add("shape", one("opt-30b", "llama-3.2-1b", "tiny"));
    }
    maybe(
        () ->
            braces(
                0,
                3,
                () -> {
                  add(one("dtype", "context", "x"));
                  switch (random.nextInt(3)) {
                    case 0 -> add(name());
                    case 1 -> quantity();
                    default -> add(text());
                  }
                }));
  }

  private void workload() {
    override();
    add("workload");
    maybe(() -> add(name()));
    braces(0, 4, this::workloadItem);
  }

  private void workloadItem() {
    add(one("prompt", "generate", "requests", "batch", "micro-batches"));
    if (seldom()) {
      times(
          1,
          3,
          () -> {
            add(one("p50", "p95", "p99", "max"));
            scalar();
          });
    } else {
      value();
    }
  }

  private void place() {
    override();
    add("place");
    braces(0, 5, this::placeItem);
  }

  private void placeItem() {
    if (seldom()) {
      add("prefer");
      placeRule();
      add("weight", number());
    } else {
      placeRule();
    }
  }

  private void placeRule() {
    add(one(SUBJECTS));
    maybe(() -> list(1, 3, "of", this::selector));
    list(
        1,
        3,
        "on",
        () -> {
          add(name());
          if (seldom()) {
            add("rest");
          } else {
            value();
          }
        });
    maybe(() -> add("split", one("auto", "heads", "tokens", "sequences")));
  }

  private void selector() {
    segment();
    times(
        0,
        2,
        () -> {
          add(".");
          segment();
        });
  }

  private void segment() {
    add(one("embed", "head", "layers", "mlp", "attn", "q"));
    maybe(
        () -> {
          add("[");
          if (seldom()) {
            add("*");
          } else {
            list(
                1,
                2,
                "",
                () -> {
                  add(Integer.toString(random.nextInt(9)));
                  maybe(() -> add("..", Integer.toString(random.nextInt(99))));
                });
          }
          add("]");
        });
  }

  private void schedule() {
    override();
    add("schedule");
    braces(0, 5, this::scheduleItem);
  }

  private void scheduleItem() {
    switch (random.nextInt(6)) {
      case 0 -> add("order", one("zig-zag", "row", "column", "diagonal"));
      case 1 -> {
        add("overlap");
        subjects();
      }
      case 2 -> {
        add("prefetch");
        value();
      }
      case 3 -> {
        add("pin");
        subjects();
      }
      case 4 -> attention();
      default -> {
        add(one(SUBJECTS), "write-back", "every");
        scalar();
      }
    }
  }

  private void subjects() {
    switch (random.nextInt(3)) {
      case 0 -> add("all");
      case 1 -> add("none");
      default -> list(1, 3, "", () -> add(one(SUBJECTS)));
    }
  }

  private void attention() {
    add("attention", one("prefill", "decode"));
    if (seldom()) {
      add("auto");
    } else {
      list(1, 2, "on", () -> add(name()));
      switch (random.nextInt(4)) {
        case 0 -> add("dense");
        case 1 -> {
          add("sparse", one("top-k", "spar-f", "pages"), number());
          if (often()) {
            add("/", number());
          } else {
            add("%");
          }
        }
        default -> {}
      }
    }
    maybe(
        () -> {
          add("when", one(SUBJECTS));
          list(1, 2, "on", () -> add(name()));
        });
  }

  private void approximate() {
    override();
    add("approximate", "within", "perplexity");
    maybe(() -> add("+"));
    quantity();
    braces(
        0,
        3,
        () -> {
          if (often()) {
            add(one(SUBJECTS));
            maybe(() -> list(1, 2, "of", this::selector));
            add(one("4", "8", "3"), "-", "bit");
            maybe(() -> add("group", one("64", "128")));
          } else {
            attention();
          }
        });
  }

  private void objective() {
    override();
    goal();
    maybe(
        () -> {
          add("subject", "to");
          if (often()) {
            braces(0, 3, this::constraint);
          } else {
            constraint();
          }
        });
    times(
        0,
        2,
        () -> {
          add("then");
          goal();
        });
  }

  private void goal() {
    add(one("maximize", "minimize"));
    metric();
  }

  private void constraint() {
    metric();
    add(one(OPERATORS));
    scalar();
  }

  private void metric() {
    add(one("throughput", "latency", "peak", "share", "memory"));
    maybe(
        () -> {
          add("(");
          list(
              1,
              2,
              "",
              () ->
                  add(
                      switch (random.nextInt(3)) {
                        case 0 -> one(SUBJECTS);
                        case 1 -> one("predicted", "measured", "block", "token", "request");
                        default -> name();
                      }));
          add(")");
        });
  }

  private void expect() {
    add("expect");
    if (seldom()) {
      add("infeasible");
      maybe(
          () -> {
            add("because");
            metric();
          });
      return;
    }
    metric();
    if (often()) {
      add(one(OPERATORS));
      scalar();
    } else {
      add("within");
      scalar();
      add("of");
      if (often()) {
        add("predicted");
      } else {
        scalar();
      }
    }
  }

  private void variant() {
    add("variant", name());
    maybe(() -> add("extends", name()));
    braces(
        0,
        4,
        () -> {
          switch (random.nextInt(7)) {
            case 0 -> workload();
            case 1 -> place();
            case 2 -> schedule();
            case 3 -> approximate();
            case 4 -> objective();
            case 5 -> expect();
            default -> setting();
          }
        });
  }

  private void setting() {
    add(name());
    maybe(() -> add(".", word()));
    add("=");
    value();
  }

  private void test() {
    add("test", text());
    maybe(() -> add("on", name()));
    maybe(
        () -> {
          add("with");
          braces(
              0,
              3,
              () -> {
                switch (random.nextInt(7)) {
                  case 0 -> workload();
                  case 1 -> place();
                  case 2 -> schedule();
                  case 3 -> approximate();
                  case 4 -> objective();
                  case 5 -> placeItem();
                  default -> setting();
                }
              });
        });
    braces(0, 2, this::expect);
  }

  private void value() {
    switch (random.nextInt(3)) {
      case 0 -> auto();
      case 1 -> {
        add(one(OPERATORS));
        scalar();
      }
      default -> scalarOrRange();
    }
  }

  private void auto() {
    add("auto");
    maybe(
        () -> {
          add("in");
          range();
        });
  }

  private void scalarOrRange() {
    if (often()) {
      scalar();
    } else {
      range();
    }
  }

  private void range() {
    scalar();
    add("..");
    scalar();
    maybe(
        () -> {
          add("step");
          scalar();
        });
  }

  private void scalar() {
    if (seldom()) {
      add(name());
    } else {
      quantity();
    }
  }

  private void quantity() {
    add(number());
    maybe(() -> add(one(UNITS)));
  }

  private String number() {
    return random.nextInt(500) + (seldom() ? "." + random.nextInt(100) : "");
  }

  private void override() {
    if (seldom()) {
      add("override");
    }
  }

  private String qualified() {
    return name() + (often() ? "." + name() : "");
  }

  private String name() {
    return one(NAMES);
  }

  private String word() {
    return one(WORDS);
  }

  private String text() {
    return one(TEXTS);
  }

  private void braces(int least, int most, Runnable item) {
    add("{");
    times(least, most, item);
    add("}");
  }

  private void list(int least, int most, String before, Runnable item) {
    if (!before.isEmpty()) {
      add(before);
    }
    item.run();
    times(
        least - 1,
        most - 1,
        () -> {
          add(",");
          item.run();
        });
  }

  private void times(int least, int most, Runnable item) {
    for (int i = 0, n = random.nextInt(least, most + 1); i < n; i++) {
      item.run();
    }
  }

  private void maybe(Runnable part) {
    if (random.nextBoolean()) {
      part.run();
    }
  }

  private boolean often() {
    return random.nextInt(3) > 0;
  }

  private boolean seldom() {
    return random.nextInt(4) == 0;
  }

  private void add(String... words) {
    tokens.addAll(List.of(words));
  }

  private String one(String... words) {
    return words[random.nextInt(words.length)];
  }

  private String one(List<String> words) {
    return words.get(random.nextInt(words.size()));
  }

  private String laidOut() {
    var text = new StringBuilder();
    Supplier<String> gap = random.nextBoolean() ? this::narrow : this::wide;
    for (String token : tokens) {
      text.append(gap.get()).append(token);
    }
    return text.append(one("", "\n", "  \n\n", " // the end", "\n/* the end */")).toString();
  }

  private String narrow() {
    return random.nextInt(8) == 0 ? "\n" : " ";
  }

  private String wide() {
    return switch (random.nextInt(24)) {
      case 0 -> "\n";
      case 1 -> "\n\n\n";
      case 2 -> "   ";
      case 3 -> "\t";
      case 4 -> " // why " + random.nextInt(100) + one("", "  ", " é", " { \"") + "\n";
      case 5 -> "\n  /// what " + random.nextInt(100) + "\n";
      case 6 -> " /* in between " + random.nextInt(100) + " */ ";
      case 7 -> "\n/* over\n     two " + random.nextInt(100) + " */\n";
      case 8 -> "\r\n";
      default -> " ";
    };
  }
}
