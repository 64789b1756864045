package dev.stowage.cli;

import dev.stowage.cli.serve.ApiServer;
import dev.stowage.cli.serve.ChatTemplate;
import dev.stowage.cli.serve.Limits;
import dev.stowage.cli.serve.Served;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.plan.model.ModelHeaders;
import dev.stowage.runtime.session.Session;
import dev.stowage.runtime.text.Words;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code stowage serve}: a plan behind an interface that many programs know. */
@Command(
    name = "serve",
    description = "Serves a plan over HTTP, in OpenAI's form, until it is told to end.",
    mixinStandardHelpOptions = true)
final class ServeCommand implements Callable<Integer> {
  private static final int BODY_BYTES = 8 << 20;
  private static final int LARGEST = 1 << 20;
  private static final long DRAIN_SECONDS = 30;
  private static final long LOOK_MILLIS = 500;

  private final Console console;

  @Mixin private PlanArgument argument = new PlanArgument();
  @Mixin private ThreadOption threads = new ThreadOption();

  @Option(
      names = "--host",
      paramLabel = "ADDRESS",
      description =
          "The address to listen at; whoever reaches it may use the model; default: ${DEFAULT-VALUE}.")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "The port to listen at; 0 for one that is free; default: ${DEFAULT-VALUE}.")
  private int port = 8080;

  @Option(
      names = "--waiting",
      paramLabel = "N",
      description =
          "Sequences that may wait for a slot; more are told to come later; default: ${DEFAULT-VALUE}.")
  private int waiting = 64;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description =
          "The most that a request may take, waiting included; default: ${DEFAULT-VALUE}.")
  private int timeout = 600;

  @Option(
      names = "--slots",
      paramLabel = "N",
      description = "With --model: sequences at a time; default: 8. A plan says so itself.")
  private Integer slots;

  @Option(
      names = "--context",
      paramLabel = "N",
      description = "With --model: tokens of a sequence; default: 2048. A plan says so itself.")
  private Integer context;

  ServeCommand(Console console) {
    this.console = console;
  }

  @Override
  public Integer call() throws ModelFormatException {
    check();
    var source = argument.open(console);
    var planned = planned(source);
    var limits = new Limits(BODY_BYTES, waiting, Duration.ofSeconds(timeout));
    try (var _ = console.interrupt().begin(DRAIN_SECONDS + 10);
        var session =
            Session.open(
                planned.plan(),
                planned.schedule(),
                planned.base(),
                source.model(),
                threads.threads(),
                new Preparation(console))) {
      var served = served(planned, source, session);
      try (var server = ApiServer.start(served, limits, host, port, this::bug)) {
        say(server, served);
        await(server);
      } catch (IOException e) {
        throw Failure.machine(
            "cannot listen at %s, port %d: %s".formatted(host, port, e.getMessage()));
      }
    }
    return Exit.GOOD.code();
  }

  private void check() {
    if (port < 0 || port > 0xffff) {
      throw Failure.usage("--port takes numbers from 0 to 65535");
    }
    range("--waiting", waiting, 0);
    range("--timeout", timeout, 1);
    range("--slots", slots == null ? 1 : slots, 1);
    range("--context", context == null ? 2 : context, 2);
  }

  private static void range(String option, int value, int least) {
    if (value < least || value > LARGEST) {
      throw Failure.usage("%s takes numbers from %d to %d".formatted(option, least, LARGEST));
    }
  }

  /** A plan is as large as it is; for a model alone one is made. */
  private Planned planned(PlanSource source) {
    return switch (source) {
      case PlanSource.Compiled(_, var planned, _) -> asItIs(planned);
      case PlanSource.Source(_, _, var planned, _, _) -> asItIs(planned);
      case PlanSource.Model model -> {
        int positions = Math.min(context == null ? 2048 : context, model.shape().maxPositions());
        int prompt = Math.max(1, positions / 2);
        yield model.plan(new Room(slots == null ? 8 : slots, prompt, positions));
      }
    };
  }

  private Planned asItIs(Planned planned) {
    if (slots != null || context != null) {
      throw Failure.usage("--slots and --context go with --model: a plan says both itself");
    }
    return planned;
  }

  private static Served served(Planned planned, PlanSource source, Session session)
      throws ModelFormatException {
    var words = Words.of(source.model(), source.shape());
    var headers = ModelHeaders.open(source.model());
    return new Served(
        name(planned, source),
        session,
        planned.plan().batch(),
        words,
        new HashSet<>(headers.endTokens()),
        ChatTemplate.of(headers, words));
  }

  /** The plan's name, or that of the model's folder or file. */
  private static String name(Planned planned, PlanSource source) {
    return switch (source) {
      case PlanSource.Compiled _, PlanSource.Source _ -> planned.plan().name();
      case PlanSource.Model model -> {
        Path file = model.model().toAbsolutePath().normalize().getFileName();
        yield file == null ? "model" : file.toString().replaceFirst("\\.gguf$", "");
      }
    };
  }

  private void say(ApiServer server, Served served) {
    var address = server.address();
    var name = address.getHostString();
    console.say(
        "serving %s at http://%s:%d/v1 (%d sequences at a time, %d tokens each; chat: %s)"
            .formatted(
                served.name(),
                name.contains(":") ? "[" + name + "]" : name,
                address.getPort(),
                served.batch().sequences(),
                served.batch().tokens(),
                served.chat().description()));
    InetAddress listening = address.getAddress();
    if (!listening.isLoopbackAddress()) {
      console.say("whoever reaches this address may use the model: there is no authentication");
    }
  }

  /** Until the user or the model ends it; what is under way then may still be answered. */
  private void await(ApiServer server) {
    while (!console.interrupt().await(LOOK_MILLIS)) {
      switch (server.failure().orElse(null)) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new IllegalStateException(e);
      }
    }
    console.say("answering what is under way");
    if (!server.drain(Duration.ofSeconds(DRAIN_SECONDS))) {
      console.say("gave up what was still under way");
    }
  }

  private void bug(Throwable bug) {
    console.say("a request met a bug of Stowage: " + bug);
    for (var frame : bug.getStackTrace()) {
      console.err().println("    at " + frame);
    }
  }
}
