package dev.stowage.cli.serve;

import com.fasterxml.jackson.databind.JsonNode;
import dev.stowage.plan.model.ModelFormatException;
import dev.stowage.runtime.sampler.Sampling;
import dev.stowage.runtime.session.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;

/**
 * What a request asks for.
 *
 * @param prompts each a choice of its own
 * @param likeliest how many of the likeliest tokens beside every token; empty without
 *     log-probabilities
 * @param echo whether the answer begins with the prompt
 * @param usage whether a stream ends with a count of tokens
 */
record Ask(
    List<Prompt> prompts, OptionalInt likeliest, boolean echo, boolean stream, boolean usage) {
  private static final int MOST_STOPS = 4;
  private static final int LONGEST_STOP = 1024;
  private static final int MOST_PROMPTS = 1024;

  /** OpenAI's default. */
  private static final int COMPLETION_TOKENS = 16;

  private static final int MOST_COMPLETION_LOGPROBS = 5;
  private static final int MOST_CHAT_LOGPROBS = 20;

  /**
   * A sequence to be.
   *
   * @param text the prompt as it was given, where it was given as text
   */
  record Prompt(String text, Request request, List<String> stops) {}

  /** Reads what {@code /v1/completions} takes. */
  static Ask completion(Fields fields, Served served) {
    refuseOtherModels(fields, served);
    fields.only("suffix", "null");
    fields.only("best_of", "1");
    var tokens = fields.whole("max_tokens", 0, Integer.MAX_VALUE);
    var logprobs = fields.whole("logprobs", 0, MOST_COMPLETION_LOGPROBS);
    var likeliest =
        logprobs.isPresent()
            ? OptionalInt.of(
                Math.min((int) logprobs.getAsLong(), served.words().shape().vocabulary()))
            : OptionalInt.empty();
    boolean echo = fields.flag("echo");
    var how = How.of(fields, served);
    var given = prompts(fields.get("prompt"), served);
    var prompts = new ArrayList<Prompt>();
    for (var prompt : given) {
      int most = room(prompt.ids().length, tokens, COMPLETION_TOKENS, served);
      prompts.add(how.prompt(prompt, most, likeliest));
    }
    return new Ask(prompts, likeliest, echo, how.stream(), how.usage());
  }

  /** Reads what {@code /v1/chat/completions} takes. */
  static Ask chat(Fields fields, Served served) {
    refuseOtherModels(fields, served);
    var tokens = fields.whole("max_tokens", 0, Integer.MAX_VALUE);
    var newer = fields.whole("max_completion_tokens", 0, Integer.MAX_VALUE);
    if (tokens.isPresent() && newer.isPresent()) {
      throw ApiError.badRequest(
          "max_tokens", "give either max_tokens or max_completion_tokens, which mean the same");
    }
    var likeliest = OptionalInt.empty();
    boolean logprobs = fields.flag("logprobs");
    var top = fields.whole("top_logprobs", 0, MOST_CHAT_LOGPROBS);
    if (logprobs) {
      likeliest =
          OptionalInt.of(Math.min((int) top.orElse(0), served.words().shape().vocabulary()));
    } else if (top.isPresent()) {
      throw ApiError.badRequest("top_logprobs", "top_logprobs needs logprobs");
    }
    fields.only("response_format", "{\"type\":\"text\"}");
    var how = How.of(fields, served);
    var messages = ChatTemplate.messages(fields.get("messages"));
    var text = served.chat().render(messages);
    messages.forEach(message -> refuseControl(message.content(), served));
    var ids = checked("messages", bare(text, served), served);
    int room = Math.max(1, served.batch().tokens() - ids.length + 1);
    int most = room(ids.length, tokens.isPresent() ? tokens : newer, room, served);
    var prompt = how.prompt(new Given(text, ids), most, likeliest);
    return new Ask(List.of(prompt), likeliest, false, how.stream(), how.usage());
  }

  /** What both take. */
  private record How(
      Sampling sampling, List<String> stops, Set<Integer> endIds, boolean stream, boolean usage) {
    static How of(Fields fields, Served served) {
      fields.only("n", "1");
      fields.only("presence_penalty", "0");
      fields.only("frequency_penalty", "0");
      fields.only("logit_bias", "{}");
      fields.text("user"); // names the client's user; nothing depends on it
      double temperature = fields.number("temperature", 0, 2, 1);
      double topP = fields.number("top_p", 0, 1, 1);
      if (topP == 0) {
        throw ApiError.badRequest("top_p", "top_p is above 0; temperature 0 is greedy");
      }
      int topK = (int) fields.whole("top_k", 0, Integer.MAX_VALUE).orElse(0);
      long seed =
          fields
              .whole("seed", Long.MIN_VALUE, Long.MAX_VALUE)
              .orElseGet(() -> ThreadLocalRandom.current().nextLong());
      boolean ignoreEnd = fields.flag("ignore_eos");
      boolean stream = fields.flag("stream");
      boolean usage = false;
      var options = fields.get("stream_options");
      if (!options.isMissingNode()) {
        if (!stream) {
          throw ApiError.badRequest("stream_options", "stream_options needs stream");
        }
        var inner = Fields.of("stream_options", options);
        usage = inner.flag("include_usage");
        inner.refuseOthers();
      }
      var stops = Ask.stops(fields.get("stop"));
      if (!stops.isEmpty() && served.words().tokenizer().isEmpty()) {
        throw ApiError.badRequest("stop", "the model has no tokenizer: there is no text to stop");
      }
      return new How(
          new Sampling(temperature, topK, topP, seed),
          stops,
          ignoreEnd ? Set.of() : served.endIds(),
          stream,
          usage);
    }

    Prompt prompt(Given given, int most, OptionalInt likeliest) {
      return new Prompt(
          given.text(), new Request(given.ids(), most, endIds, sampling, likeliest), stops);
    }
  }

  /**
   * A prompt and its tokens.
   *
   * @param text null where ids were given
   */
  private record Given(String text, int[] ids) {}

  private static void refuseOtherModels(Fields fields, Served served) {
    var model = fields.text("model");
    if (model.isPresent() && !model.get().equals(served.name())) {
      throw ApiError.refused(404, "model_not_found", "the model served here is " + served.name());
    }
  }

  private static List<String> stops(JsonNode node) {
    var stops = new ArrayList<String>();
    if (node.isTextual()) {
      stops.add(Fields.text("stop", node));
    } else if (node.isArray() && node.size() <= MOST_STOPS) {
      node.forEach(stop -> stops.add(Fields.text("stop", stop)));
    } else if (!node.isMissingNode()) {
      throw ApiError.badRequest("stop", "stop is a text, or a list of at most " + MOST_STOPS);
    }
    if (stops.stream().anyMatch(stop -> stop.isEmpty() || stop.length() > LONGEST_STOP)) {
      throw ApiError.badRequest(
          "stop", "a stop text has from 1 to %d characters".formatted(LONGEST_STOP));
    }
    return stops;
  }

  /** A text, ids, or a list of either. */
  private static List<Given> prompts(JsonNode node, Served served) {
    if (node.isTextual() || node.isArray() && !node.isEmpty() && node.get(0).isNumber()) {
      return List.of(prompt(node, served));
    }
    if (!node.isArray() || node.isEmpty() || node.size() > MOST_PROMPTS) {
      throw ApiError.badRequest(
          "prompt",
          "prompt is a text, a list of token ids, or a list of at most %d of either"
              .formatted(MOST_PROMPTS));
    }
    var prompts = new ArrayList<Given>();
    node.forEach(each -> prompts.add(prompt(each, served)));
    return prompts;
  }

  private static Given prompt(JsonNode node, Served served) {
    if (node.isTextual()) {
      var text = Fields.text("prompt", node);
      return new Given(text, checked("prompt", encode(text, served), served));
    }
    if (!node.isArray()) {
      throw ApiError.badRequest("prompt", "a prompt is a text or a list of token ids");
    }
    refuseLonger(node.size(), served);
    var ids = new int[node.size()];
    for (int i = 0; i < ids.length; i++) {
      ids[i] =
          (int) Fields.whole("prompt", node.get(i), 0, served.words().shape().vocabulary() - 1);
    }
    return new Given(null, checked("prompt", ids, served));
  }

  private static int[] encode(String text, Served served) {
    try {
      return requireTokenizer(served).words().encode(text);
    } catch (ModelFormatException e) {
      throw inexpressible("prompt");
    }
  }

  /** A template writes the tokens that open and close a text itself. */
  private static int[] bare(String text, Served served) {
    try {
      return requireTokenizer(served).words().encodeBare(text);
    } catch (ModelFormatException e) {
      throw inexpressible("messages");
    }
  }

  /** What a side says must not pass for the template's own words. */
  private static void refuseControl(String content, Served served) {
    var tokenizer = served.words().tokenizer().orElseThrow();
    for (int id : bare(content, served)) {
      if (tokenizer.isSpecial(id)) {
        throw ApiError.badRequest(
            "messages",
            "a message has the control token %s in it".formatted(tokenizer.token(id).orElse("")));
      }
    }
  }

  private static Served requireTokenizer(Served served) {
    if (served.words().tokenizer().isEmpty()) {
      throw ApiError.badRequest("prompt", "the model has no tokenizer: give a list of token ids");
    }
    return served;
  }

  private static ApiError inexpressible(String param) {
    return ApiError.badRequest(param, "the model's tokens cannot express the text");
  }

  private static int[] checked(String param, int[] ids, Served served) {
    if (ids.length == 0) {
      throw ApiError.badRequest(param, "the prompt has no tokens: there is nothing to continue");
    }
    refuseLonger(ids.length, served);
    return ids;
  }

  private static void refuseLonger(int ids, Served served) {
    if (ids > served.batch().tokens()) {
      throw ApiError.tooLong(
          "the prompt has %d tokens, and a sequence has room for %d"
              .formatted(ids, served.batch().tokens()));
    }
  }

  /** The most tokens to generate. */
  private static int room(int prompt, OptionalLong asked, int otherwise, Served served) {
    int room = served.batch().tokens() - prompt + 1;
    if (asked.isEmpty()) {
      return Math.min(otherwise, room);
    }
    if (asked.getAsLong() > room) {
      throw ApiError.tooLong(
          "a prompt of %d tokens and %d to follow, and a sequence has room for %d"
              .formatted(prompt, asked.getAsLong(), served.batch().tokens()));
    }
    return (int) asked.getAsLong();
  }
}
