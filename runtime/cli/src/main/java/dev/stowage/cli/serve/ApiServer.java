package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.stowage.runtime.session.Metrics;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/**
 * The part of OpenAI's interface that completes texts and chats, over HTTP.
 *
 * <pre>
 *   GET  /v1/models             what is served
 *   POST /v1/completions        continues prompts
 *   POST /v1/chat/completions   answers messages, where the model has a template for them
 *   GET  /health                200 while requests are taken, else 503
 *   GET  /metrics               counts, for Prometheus
 * </pre>
 *
 * There is no authentication: whoever reaches the address may use the model. Web pages may not: a
 * request that has a body says that it is JSON, and one to a loopback address names a host that is
 * this machine.
 */
public final class ApiServer implements AutoCloseable {
  private static final int CONNECTIONS_WAITING = 128;
  private static final int MOST_RETRY_SECONDS = 60;

  private final Served served;
  private final Limits limits;
  private final String host;
  private final HttpServer http;
  private final ExecutorService threads;
  private final Batcher batcher;
  private final TokenNames names;
  private final Counters counters = new Counters();
  private final Consumer<Throwable> bugs;
  private final List<Metrics.DeviceBytes> devices;
  private final long created = System.currentTimeMillis() / 1000;
  private final Object drained = new Object();
  private int answering; // guarded by drained
  private volatile boolean draining;

  private ApiServer(
      Served served, Limits limits, String host, HttpServer http, Consumer<Throwable> bugs) {
    this.served = served;
    this.limits = limits;
    this.host = host;
    this.http = http;
    this.bugs = bugs;
    names = new TokenNames(served.words());
    devices = served.session().metrics().devices();
    batcher = new Batcher(served.session(), served.batch().sequences(), limits.waiting(), counters);
    threads = Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("api-", 0).factory());
  }

  /**
   * Begins to serve.
   *
   * @param port 0 for any that is free
   * @param bugs hears what is thrown and was not thought of
   * @throws IOException if the address cannot be listened at
   */
  public static ApiServer start(
      Served served, Limits limits, String host, int port, Consumer<Throwable> bugs)
      throws IOException {
    boundTheServer(limits);
    var http = HttpServer.create(new InetSocketAddress(host, port), CONNECTIONS_WAITING);
    var server = new ApiServer(served, limits, host, http, bugs);
    http.setExecutor(server.threads);
    http.createContext("/", server::handle);
    server.batcher.start();
    http.start();
    return server;
  }

  /** Limits of the JDK's server, which it reads once: headers, connections, time to send all. */
  private static void boundTheServer(Limits limits) {
    setUnlessSet("sun.net.httpserver.maxReqHeaders", 64);
    setUnlessSet("sun.net.httpserver.maxReqHeaderSize", 32 << 10);
    setUnlessSet("jdk.httpserver.maxConnections", 1024);
    setUnlessSet("sun.net.httpserver.maxReqTime", 30);
    setUnlessSet("sun.net.httpserver.maxRspTime", limits.time().toSeconds() + 30);
    System.setProperty("sun.net.httpserver.nodelay", "true");
  }

  private static void setUnlessSet(String property, long value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, Long.toString(value));
    }
  }

  /** Where it listens. */
  public InetSocketAddress address() {
    return http.getAddress();
  }

  /** What the model failed with, if it did; nothing is generated from then on. */
  public Optional<Throwable> failure() {
    return batcher.failure();
  }

  // -- requests

  private void handle(HttpExchange exchange) {
    var request = new Exchange(exchange, counters);
    synchronized (drained) {
      answering++;
    }
    try (exchange) {
      try {
        var route = route(request.path());
        request.route(route.path);
        guard(request, route);
        answer(request, route);
      } catch (ApiError e) {
        if (e.status() == 429) {
          request.say("Retry-After", Integer.toString(retrySeconds()));
        }
        refuse(request, e);
      } catch (IOException e) {
        throw e;
      } catch (Exception e) {
        bugs.accept(e);
        refuse(request, ApiError.unavailable(500, "bug", "this is a bug of Stowage"));
      }
    } catch (IOException e) {
      counters.disconnected();
    } finally {
      synchronized (drained) {
        answering--;
        drained.notifyAll();
      }
    }
  }

  private static void refuse(Exchange request, ApiError error) throws IOException {
    if (request.status().isEmpty()) {
      request.answer(error.status(), error.json());
    }
  }

  /** When a slot is likely to be free. */
  private int retrySeconds() {
    double rounds = (batcher.waiting() + 1.0) / served.batch().sequences();
    return Math.clamp(
        Math.round(Math.ceil(counters.meanSeconds() * rounds)), 1, MOST_RETRY_SECONDS);
  }

  /** What there is, and how it is asked for. */
  private enum Route {
    MODELS("/v1/models", "GET"),
    MODEL("/v1/models/*", "GET"),
    COMPLETIONS("/v1/completions", "POST"),
    CHAT("/v1/chat/completions", "POST"),
    HEALTH("/health", "GET"),
    METRICS("/metrics", "GET");

    final String path;
    final String method;

    Route(String path, String method) {
      this.path = path;
      this.method = method;
    }
  }

  private static Route route(String path) {
    for (var route : Route.values()) {
      if (route.path.equals(path)) {
        return route;
      }
    }
    if (path.startsWith("/v1/models/")) {
      return Route.MODEL;
    }
    throw ApiError.refused(404, "not_found", "there is nothing at this path");
  }

  private void guard(Exchange request, Route route) {
    boolean head = request.method().equals("HEAD") && route.method.equals("GET");
    if (!request.method().equals(route.method) && !head) {
      request.say("Allow", route.method);
      throw ApiError.refused(405, "method_not_allowed", route.path + " takes " + route.method);
    }
    if (address().getAddress().isLoopbackAddress() && !isThisMachine(request.header("Host"))) {
      throw ApiError.refused(403, "foreign_host", "the Host of the request is not this machine");
    }
    if (route.method.equals("POST") && !isJson(request.header("Content-Type"))) {
      throw ApiError.refused(415, "not_json", "a body is JSON: say Content-Type: application/json");
    }
  }

  private static boolean isJson(String type) {
    return type.split(";", 2)[0].strip().equalsIgnoreCase("application/json");
  }

  private boolean isThisMachine(String header) {
    var name = header.replaceFirst(":[0-9]*$", "").toLowerCase(Locale.ROOT);
    return name.equals("localhost")
        || name.equals("[::1]")
        || name.matches("127(\\.[0-9]{1,3}){3}")
        || name.equals(host.toLowerCase(Locale.ROOT));
  }

  private void answer(Exchange request, Route route) throws IOException {
    switch (route) {
      case MODELS -> {
        var json = JsonNodeFactory.instance.objectNode().put("object", "list");
        json.putArray("data").add(model());
        request.answer(200, json);
      }
      case MODEL -> {
        if (!request.path().equals("/v1/models/" + served.name())) {
          throw ApiError.refused(
              404, "model_not_found", "the model served here is " + served.name());
        }
        request.answer(200, model());
      }
      case COMPLETIONS -> {
        var fields = Fields.parse(request.body(limits.bodyBytes()));
        var ask = Ask.completion(fields, served);
        fields.refuseOthers();
        answer(request, Form.COMPLETION, ask);
      }
      case CHAT -> {
        var fields = Fields.parse(request.body(limits.bodyBytes()));
        var ask = Ask.chat(fields, served);
        fields.refuseOthers();
        answer(request, Form.CHAT, ask);
      }
      case HEALTH -> {
        boolean well = !draining && !counters.hasFailed();
        var status = well ? "ok" : draining ? "shutting down" : "failed";
        request.answer(
            well ? 200 : 503, JsonNodeFactory.instance.objectNode().put("status", status));
      }
      case METRICS -> {
        var text =
            counters.text(
                batcher.running(),
                batcher.waiting(),
                served.batch().sequences(),
                limits.waiting(),
                devices);
        request.answer(
            200, "text/plain; version=0.0.4; charset=utf-8", text.getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  private ObjectNode model() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", served.name())
        .put("object", "model")
        .put("created", created)
        .put("owned_by", "stowage");
  }

  private void answer(Exchange request, Form form, Ask ask) throws IOException {
    if (draining) {
      throw ApiError.unavailable(503, "shutting_down", "the server is shutting down");
    }
    new Answering(form, ask, served, names, counters, limits).answer(batcher, request);
  }

  // -- the end

  /**
   * Takes no more requests, and waits for those that were taken.
   *
   * @return whether all were answered in time
   */
  public boolean drain(Duration patience) {
    draining = true;
    long until = System.nanoTime() + patience.toNanos();
    synchronized (drained) {
      while (answering > 0) {
        long left = (until - System.nanoTime()) / 1_000_000;
        if (left <= 0) {
          return false;
        }
        try {
          drained.wait(left);
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          return false;
        }
      }
    }
    return true;
  }

  /** Ends, with what is under way. */
  @Override
  public void close() {
    draining = true;
    http.stop(0);
    threads.shutdownNow();
    batcher.close();
  }
}
