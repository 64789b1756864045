package dev.stowage.api;

import dev.stowage.plan.ExecutablePlan;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.device.DeviceException;
import dev.stowage.runtime.session.Metrics;
import dev.stowage.runtime.session.Request;
import dev.stowage.runtime.text.Continuation;
import dev.stowage.runtime.text.Words;
import dev.stowage.runtime.tokenizer.Tokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;

/**
 * A loaded plan, ready to continue and to score texts, until closed.
 *
 * <p>May be used by many threads, virtual ones too: calls take turns, and {@link #generateAll}
 * fills the plan's block with many prompts at once. A thread that is interrupted ends its texts at
 * their next tokens, with {@code STOP}, and stays interrupted.
 */
public final class Session implements AutoCloseable {
  private static final Consumer<String> NOBODY = text -> {};

  private final ReentrantLock turn = new ReentrantLock();
  private final ExecutablePlan plan;
  private final dev.stowage.runtime.session.Session session;
  private final Words words;
  private final Set<Integer> endIds;
  private final Optional<Scratch> scratch;
  private boolean closed;

  Session(
      ExecutablePlan plan,
      dev.stowage.runtime.session.Session session,
      Words words,
      Set<Integer> endIds,
      Optional<Scratch> scratch) {
    this.plan = plan;
    this.session = session;
    this.words = words;
    this.endIds = endIds;
    this.scratch = scratch;
  }

  /** Continues a text, greedily, as far as the plan was made for. */
  public Generated generate(String prompt) {
    return generate(prompt, GenerateOptions.greedy());
  }

  /** Continues a text. */
  public Generated generate(String prompt, GenerateOptions options) {
    return generate(prompt, options, NOBODY);
  }

  /**
   * Continues a text, and streams.
   *
   * @param listener hears every piece of text as soon as it is known; called by this thread. What
   *     it throws ends the text and comes out of this method
   * @throws IllegalArgumentException if the prompt with what is to follow is longer than the plan
   *     has room for
   * @throws StowageException if the model has no tokenizer, or a device fails
   * @throws IllegalStateException if the session is closed
   */
  public Generated generate(String prompt, GenerateOptions options, Consumer<String> listener) {
    return generate(encode(prompt), options, listener);
  }

  /**
   * Continues token ids, and streams.
   *
   * @param ids at least one, those that open a text included
   * @throws IllegalArgumentException as for a text, and if an id is outside the vocabulary
   */
  public Generated generate(int[] ids, GenerateOptions options, Consumer<String> listener) {
    return generate(List.of(ids), options, listener).getFirst();
  }

  /**
   * Continues many texts, as many at a time as the plan's block has slots.
   *
   * @return one continuation for every prompt, in their order
   * @throws IllegalArgumentException as for one text; nothing has run then
   */
  public List<Generated> generateAll(List<String> prompts, GenerateOptions options) {
    return generate(prompts.stream().map(this::encode).toList(), options, NOBODY);
  }

  /** Continues prompts; the listener hears of the first. */
  private List<Generated> generate(
      List<int[]> prompts, GenerateOptions options, Consumer<String> listener) {
    Objects.requireNonNull(listener);
    if (words.tokenizer().isEmpty() && !options.stops().isEmpty()) {
      throw new IllegalArgumentException("a stop text needs a model with a tokenizer");
    }
    var requests = prompts.stream().map(ids -> request(ids, options)).toList();
    var texts = new ArrayList<Continuation>();
    for (int i = 0; i < prompts.size(); i++) {
      texts.add(new Continuation(words.tokenizer().map(Tokenizer::stream), options.stops()));
    }
    var hearing = new Hearing(listener, texts);
    turn.lock();
    try {
      requireOpen();
      var completions = session.generate(requests, hearing::token);
      var all = new ArrayList<Generated>();
      for (int i = 0; i < texts.size(); i++) {
        String rest = texts.get(i).finish();
        if (i == 0) {
          hearing.say(rest);
        }
        all.add(
            new Generated(
                texts.get(i).text(),
                completions.get(i).output(),
                completions.get(i).finish(),
                prompts.get(i).length));
      }
      hearing.rethrow();
      return all;
    } catch (DeviceException e) {
      throw new StowageException(e.getMessage(), e);
    } finally {
      turn.unlock();
    }
  }

  private Request request(int[] ids, GenerateOptions options) {
    var batch = plan.batch();
    int most = options.maxTokens().orElse(batch.generateTokensAfter(ids.length));
    long positions = (long) ids.length + Math.max(0, most - 1);
    if (positions > batch.tokens()) {
      throw new IllegalArgumentException(
          "a prompt of %d tokens and %d to follow, but the plan has room for %d a sequence (prompt %d, generate %d): compile it with a longer workload"
              .formatted(
                  ids.length, most, batch.tokens(), batch.promptTokens(), batch.generateTokens()));
    }
    return new Request(ids, most, options.ignoreEnd() ? Set.of() : endIds, options.sampling());
  }

  /**
   * How likely the model finds a text.
   *
   * @throws IllegalArgumentException if the text is longer than the plan has room for, or has no
   *     tokens
   * @throws StowageException if the model has no tokenizer, or a device fails
   * @throws IllegalStateException if the session is closed
   */
  public Scored score(String text) {
    return score(encode(text));
  }

  /** How likely the model finds token ids. */
  public Scored score(int[] ids) {
    if (ids.length == 0) {
      throw new IllegalArgumentException("a text to score has at least one token");
    }
    turn.lock();
    try {
      requireOpen();
      return new Scored(Arrays.stream(ids).boxed().toList(), session.score(ids, 0).logprobs());
    } catch (DeviceException e) {
      throw new StowageException(e.getMessage(), e);
    } finally {
      turn.unlock();
    }
  }

  /** What this session has measured so far. */
  public Metrics metrics() {
    turn.lock();
    try {
      requireOpen();
      return session.metrics();
    } finally {
      turn.unlock();
    }
  }

  /** Gives memory, files and threads back, once the calls before it have ended. */
  @Override
  public void close() {
    turn.lock();
    try {
      requireNotHeard();
      if (!closed) {
        closed = true;
        session.close();
        scratch.ifPresent(Scratch::close);
      }
    } finally {
      turn.unlock();
    }
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("the session is closed");
    }
    requireNotHeard();
  }

  private void requireNotHeard() {
    if (turn.getHoldCount() > 1) {
      throw new IllegalStateException("a listener may not use the session that it listens to");
    }
  }

  private int[] encode(String text) {
    try {
      return words.encode(text);
    } catch (ModelFormatException e) {
      throw new StowageException(e.getMessage(), e);
    }
  }

  /** Passes text on; an exception of whoever hears it must not leave a sweep half done. */
  private static final class Hearing {
    private final Consumer<String> listener;
    private final List<Continuation> texts;
    private Throwable thrown;

    Hearing(Consumer<String> listener, List<Continuation> texts) {
      this.listener = listener;
      this.texts = texts;
    }

    boolean token(int request, int id) {
      String shown = texts.get(request).add(id);
      if (request == 0) {
        say(shown);
      }
      return thrown == null
          && !texts.get(request).stopped()
          && !Thread.currentThread().isInterrupted();
    }

    void say(String text) {
      if (thrown == null && !text.isEmpty()) {
        try {
          listener.accept(text);
        } catch (RuntimeException | Error e) {
          thrown = e;
        }
      }
    }

    void rethrow() {
      switch (thrown) {
        case null -> {}
        case Error error -> throw error;
        case RuntimeException exception -> throw exception;
        case Throwable other -> throw new IllegalStateException(other);
      }
    }
  }
}
