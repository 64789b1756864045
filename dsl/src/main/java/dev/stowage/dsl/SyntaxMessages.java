package dev.stowage.dsl;

import java.util.Map;
import org.antlr.runtime.MismatchedTokenException;
import org.antlr.runtime.MissingTokenException;
import org.antlr.runtime.RecognitionException;
import org.antlr.runtime.Token;
import org.antlr.runtime.UnwantedTokenException;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.xtext.nodemodel.SyntaxErrorMessage;
import org.eclipse.xtext.parser.antlr.ISyntaxErrorMessageProvider;

/** Words what the parser could not read: what was found, and what was due in its place. */
public class SyntaxMessages implements ISyntaxErrorMessageProvider {
  static final String UNEXPECTED = "SW010";
  static final String MISSING = "SW011";
  static final String UNREADABLE_VALUE = "SW012";
  static final String UNCLOSED_TEXT = "SW013";

  private static final String UNCLOSED =
      "the text in quotes does not end on its line: a closing \" is due";

  private static final Map<String, String> TERMINALS =
      Map.of(
          "RULE_ID", "a name",
          "RULE_INT", "a number",
          "RULE_STRING", "a text in \"quotes\"",
          "EOF", "the end of the file");

  private static final Map<String, String> PLACES =
      Map.ofEntries(
          Map.entry("Script", "where a statement starts"),
          Map.entry("Platform", "in a platform: a device (gpu, host, disk, csd) or a link is due"),
          Map.entry("Device", "in a device: NAME, then '= TYPE' or '{ property value … }'"),
          Map.entry("DeviceType", "in a device type: property value pairs are due"),
          Map.entry("Link", "in a link: 'link A <-> B { rate … }' is due"),
          Map.entry("Property", "in a property: one value is due, such as 15 GiB"),
          Map.entry("Model", "in a model: hf \"dir\", gguf \"file\" or shape NAME is due"),
          Map.entry("Workload", "in a workload: prompt, generate, requests, batch … are due"),
          Map.entry("WorkloadItem", "in a workload item: one value is due, such as 512 tok"),
          Map.entry("Place", "in place: 'weights|kv|activations on DEVICE SHARE' is due"),
          Map.entry("PlaceRule", "in a placement: 'weights on DEVICE SHARE, DEVICE SHARE' is due"),
          Map.entry("Share", "as a share: 20%, >= 20%, 10%..40%, auto or rest is due"),
          Map.entry(
              "Schedule", "in schedule: order, overlap, prefetch, pin, attention or kv is due"),
          Map.entry("Attention", "in an attention line: 'attention decode on DEVICE' is due"),
          Map.entry("Approximate", "in approximate: 'weights 4-bit group 64' or attention is due"),
          Map.entry("Objective", "in an objective: 'maximize METRIC' is due"),
          Map.entry("Test", "in a test: 'test \"…\" with { … } { expect … }' is due"),
          Map.entry("Variant", "in a variant: statements or 'param = value' are due"));

  @Override
  public SyntaxErrorMessage getSyntaxErrorMessage(IParserErrorContext context) {
    RecognitionException problem = context.getRecognitionException();
    if (problem == null) {
      return unread(context.getDefaultMessage());
    }
    String found = found(problem.token);
    if (found.equals("'\"'")) {
      return new SyntaxErrorMessage(UNCLOSED, UNCLOSED_TEXT);
    }
    if (problem.token != null && Unit.of(problem.token.getText()).isPresent()) {
      return new SyntaxErrorMessage(
          found + " is a unit: it follows a number, and nothing else is called so", UNEXPECTED);
    }
    String[] names = context.getTokenNames();
    return switch (problem) {
      case UnwantedTokenException unwanted ->
          new SyntaxErrorMessage(
              "%s is one too many: %s is due here".formatted(found, due(names, unwanted.expecting)),
              UNEXPECTED);
      case MissingTokenException missing ->
          new SyntaxErrorMessage(
              "%s is missing before %s".formatted(due(names, missing.expecting), found), MISSING);
      case MismatchedTokenException mismatch when mismatch.expecting == Token.EOF ->
          new SyntaxErrorMessage(
              found
                  + " does not start a statement: plan, import, param, platform, model, workload,"
                  + " place, schedule, approximate, maximize, expect, variant or test does",
              UNEXPECTED);
      case MismatchedTokenException mismatch ->
          new SyntaxErrorMessage(
              "%s is due here, found %s".formatted(due(names, mismatch.expecting), found), MISSING);
      default ->
          new SyntaxErrorMessage(
              found + " does not fit " + place(context.getCurrentContext()), UNEXPECTED);
    };
  }

  /** What no word could be made of: the message is that of the generated lexer. */
  private static SyntaxErrorMessage unread(String message) {
    if (message.endsWith("expecting '\"'")) {
      return new SyntaxErrorMessage(UNCLOSED, UNCLOSED_TEXT);
    }
    return message.endsWith("expecting '*'") || message.endsWith("expecting '/'")
        ? new SyntaxErrorMessage("the comment does not end: */ is due", UNEXPECTED)
        : new SyntaxErrorMessage(message, UNEXPECTED);
  }

  @Override
  public SyntaxErrorMessage getSyntaxErrorMessage(IValueConverterErrorContext context) {
    return new SyntaxErrorMessage(
        "cannot be read: " + context.getValueConverterException().getMessage(), UNREADABLE_VALUE);
  }

  private static String found(Token token) {
    if (token == null || token.getType() == Token.EOF || token.getText() == null) {
      return "the end of the file";
    }
    String text = token.getText();
    if (text.isBlank()) {
      return "a blank";
    }
    return "'" + (text.length() > 40 ? text.substring(0, 40) + "…" : text) + "'";
  }

  private static String due(String[] names, int type) {
    if (type == Token.EOF) {
      return "the end of the file";
    }
    if (type < 0 || type >= names.length) {
      return "something else";
    }
    return TERMINALS.getOrDefault(names[type], names[type]);
  }

  private static String place(EObject context) {
    return context == null ? "here" : PLACES.getOrDefault(context.eClass().getName(), "here");
  }
}
