package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.stowage.runtime.text.Continuation;
import dev.stowage.runtime.tokenizer.TextStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

/** Answers one request: hands its sequences to the batcher, and writes what comes of them. */
final class Answering {
  /** How long a stream is silent before it is seen whether the client is still there. */
  private static final long SILENCE_NANOS = 1_000_000_000L;

  private final Form form;
  private final Ask ask;
  private final Served served;
  private final TokenNames names;
  private final Counters counters;
  private final String id;
  private final long created = System.currentTimeMillis() / 1000;
  private final long began = System.nanoTime();
  private final long deadline;
  private final Job.Call call = new Job.Call();
  private final LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private final List<Choice> choices = new ArrayList<>();
  private int open;
  private boolean heard;

  Answering(Form form, Ask ask, Served served, TokenNames names, Counters counters, Limits limits) {
    this.form = form;
    this.ask = ask;
    this.served = served;
    this.names = names;
    this.counters = counters;
    deadline = began + limits.time().toNanos();
    id = form.prefix() + HexFormat.of().toHexDigits(ThreadLocalRandom.current().nextLong());
    open = ask.prompts().size();
  }

  /** Answers, and lets go of whatever has not ended then. */
  void answer(Batcher batcher, Exchange exchange) throws IOException {
    for (var prompt : ask.prompts()) {
      choices.add(new Choice(stream(prompt)));
    }
    try {
      batcher.submit(jobs());
      if (ask.stream()) {
        stream(exchange);
      } else {
        exchange.answer(200, whole());
      }
    } finally {
      call.end();
      counters.generated((System.nanoTime() - began) * 1e-9);
    }
  }

  /** What makes text of the tokens that are told of: after the prompt, or of the prompt too. */
  private Optional<TextStream> stream(Ask.Prompt prompt) {
    if (ask.likeliest().isEmpty()) {
      return Optional.empty();
    }
    return names.stream(ask.echo() ? new int[0] : before(prompt));
  }

  /** A text goes on after its prompt; an answer in a chat begins anew. */
  private int[] before(Ask.Prompt prompt) {
    return form == Form.CHAT ? new int[0] : prompt.request().prompt();
  }

  private List<Job> jobs() {
    var jobs = new ArrayList<Job>();
    for (int i = 0; i < choices.size(); i++) {
      var prompt = ask.prompts().get(i);
      var ids = prompt.request().prompt();
      if (ask.echo()) {
        choices.get(i).echo(prompt.text() != null ? prompt.text() : text(ids));
        if (ask.likeliest().isPresent()) {
          int likeliest = ask.likeliest().getAsInt();
          jobs.add(new Job.Scoring(call, i, ids, likeliest, events::add));
        }
      }
      var text = new Continuation(names.stream(before(prompt)), prompt.stops());
      jobs.add(new Job.Sequence(call, i, prompt.request(), text, events::add));
    }
    return jobs;
  }

  private String text(int[] ids) {
    return served
        .words()
        .tokenizer()
        .map(tokenizer -> tokenizer.decode(ids))
        .orElseGet(
            () -> String.join(" ", Arrays.stream(ids).mapToObj(Integer::toString).toList()) + " ");
  }

  // -- what comes of it

  /** The next event; null if there is none for a while, and there may be one later. */
  private Event next(long nanos) {
    try {
      long left = deadline - System.nanoTime();
      var event = events.poll(Math.min(nanos, Math.max(0, left)), TimeUnit.NANOSECONDS);
      if (event == null && System.nanoTime() >= deadline) {
        throw ApiError.unavailable(504, "timeout", "the request took longer than it may");
      }
      return event;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiError.unavailable(503, "shutting_down", "the server is shutting down");
    }
  }

  private void take(Event event) {
    switch (event) {
      case Event.Scored(var choice, var logprobs) ->
          choices.get(choice).echo(ask.prompts().get(choice).request().prompt(), logprobs);
      case Event.Token token -> {
        if (!heard) {
          heard = true;
          counters.firstToken((System.nanoTime() - began) * 1e-9);
        }
        choices.get(token.choice()).add(token);
      }
      case Event.Ended ended -> {
        choices.get(ended.choice()).end(ended);
        open--;
      }
      case Event.Failed() ->
          throw ApiError.unavailable(500, "model_failed", "the model cannot go on: see the log");
    }
  }

  // -- at once

  private ObjectNode whole() {
    while (open > 0) {
      var event = next(Long.MAX_VALUE);
      if (event != null) {
        take(event);
      }
    }
    var node = answer();
    var array = node.putArray("choices");
    for (int i = 0; i < choices.size(); i++) {
      var choice = choices.get(i);
      var entry = array.addObject().put("index", i);
      form.whole(entry, choice.text());
      logprobs(entry, choice.told());
      entry.put("finish_reason", choice.finish());
    }
    node.set("usage", usage());
    return node;
  }

  private ObjectNode answer() {
    return JsonNodeFactory.instance
        .objectNode()
        .put("id", id)
        .put("object", form.object(ask.stream()))
        .put("created", created)
        .put("model", served.name());
  }

  private void logprobs(ObjectNode entry, List<Choice.Told> told) {
    if (ask.likeliest().isPresent()) {
      entry.set("logprobs", form.logprobs(told, names));
    } else {
      entry.putNull("logprobs");
    }
  }

  private ObjectNode usage() {
    int prompt = ask.prompts().stream().mapToInt(p -> p.request().prompt().length).sum();
    int generated = choices.stream().mapToInt(Choice::tokens).sum();
    return JsonNodeFactory.instance
        .objectNode()
        .put("prompt_tokens", prompt)
        .put("completion_tokens", generated)
        .put("total_tokens", prompt + generated);
  }

  // -- piece by piece

  /** Writes events as they come; a client that has left is noticed when the next one is written. */
  private void stream(Exchange exchange) throws IOException {
    try (var out = exchange.events()) {
      try {
        for (int i = 0; i < choices.size(); i++) {
          if (ask.echo() && ask.likeliest().isEmpty() || form == Form.CHAT) {
            out.event(piece(i, choices.get(i).text(), true, OptionalInt.empty()));
          }
        }
        while (open > 0) {
          var event = next(SILENCE_NANOS);
          if (event == null) {
            out.comment("waiting");
          } else {
            take(event);
            show(event, out);
          }
        }
        if (ask.usage()) {
          var last = answer();
          last.putArray("choices");
          last.set("usage", usage());
          out.event(last);
        }
        out.done();
      } catch (ApiError e) {
        out.event(e.json()); // the status was sent with the first event
      }
    }
  }

  private void show(Event event, Exchange.Events out) throws IOException {
    switch (event) {
      case Event.Scored(var choice, _) -> out.event(piece(choice, choices.get(choice).text()));
      case Event.Token token -> {
        if (!token.text().isEmpty() || token.logprob().isPresent()) {
          out.event(piece(token.choice(), token.text()));
        }
      }
      case Event.Ended ended ->
          out.event(piece(ended.choice(), ended.text(), false, OptionalInt.of(ended.choice())));
      case Event.Failed() -> {}
    }
  }

  private ObjectNode piece(int choice, String text) {
    return piece(choice, text, false, OptionalInt.empty());
  }

  /**
   * @param ended present in the choice's last piece
   */
  private ObjectNode piece(int choice, String text, boolean first, OptionalInt ended) {
    var node = answer();
    var entry = node.putArray("choices").addObject().put("index", choice);
    form.piece(entry, text, first, ended.isPresent());
    logprobs(entry, choices.get(choice).newlyTold());
    entry.put("finish_reason", ended.isPresent() ? choices.get(choice).finish() : null);
    return node;
  }
}
