package dev.stowage.cli.jinja;

import dev.stowage.cli.jinja.Lexer.Piece;
import dev.stowage.cli.jinja.Lexer.Token;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Makes nodes and expressions of what a template was cut into. */
final class Parser {
  private static final int DEEPEST = 100;
  private static final Set<String> WORDS =
      Set.of("and", "or", "not", "in", "is", "if", "else", "elif", "for");

  private final List<Piece> pieces;
  private int next; // piece
  private List<Token> tokens = List.of();
  private int at; // token
  private int depth;

  Parser(List<Piece> pieces) {
    this.pieces = pieces;
  }

  List<Node> template() {
    var nodes = nodes(Set.of());
    if (next < pieces.size()) {
      throw new TemplateException("there is an end of what has not begun");
    }
    return nodes;
  }

  // -- blocks

  /** Nodes up to a block that begins with one of those names, which is then at hand. */
  private List<Node> nodes(Set<String> ends) {
    deeper();
    var nodes = new ArrayList<Node>();
    while (next < pieces.size()) {
      switch (pieces.get(next)) {
        case Piece.Text(var text) -> {
          next++;
          nodes.add(scope -> scope.write(text));
        }
        case Piece.Output(var words) -> {
          next++;
          begin(words);
          var value = expression();
          end();
          nodes.add(
              scope -> {
                scope.step();
                scope.write(Value.text(value.value(scope)));
              });
        }
        case Piece.Block(var words) -> {
          begin(words);
          var name = name();
          if (ends.contains(name)) {
            next++;
            depth--;
            return nodes;
          }
          next++;
          nodes.add(block(name));
        }
      }
    }
    if (!ends.isEmpty()) {
      throw new TemplateException("a block does not end: %s is missing".formatted(ends));
    }
    depth--;
    return nodes;
  }

  private Node block(String name) {
    return switch (name) {
      case "if" -> branch();
      case "for" -> loop();
      case "set" -> assignment();
      case "generation" -> { // marks what a model is trained to say
        end();
        var inner = nodes(Set.of("endgeneration"));
        end();
        yield scope -> write(inner, scope);
      }
      default -> throw new TemplateException("the block '%s' is not known".formatted(name));
    };
  }

  private Node branch() {
    var condition = expression();
    end();
    var then = nodes(Set.of("elif", "else", "endif"));
    var otherwise = otherwise();
    return scope -> {
      scope.step();
      if (Value.truth(condition.value(scope))) {
        write(then, scope);
      } else {
        otherwise.write(scope);
      }
    };
  }

  /** After {@code elif}, {@code else} or {@code endif}, which was read. */
  private Node otherwise() {
    switch (before()) {
      case "elif" -> {
        deeper();
        var branch = branch();
        depth--;
        return branch;
      }
      case "else" -> {
        end();
        var nodes = nodes(Set.of("endif"));
        end();
        return scope -> write(nodes, scope);
      }
      default -> {
        end();
        return scope -> {};
      }
    }
  }

  private String before() {
    return tokens.get(at - 1) instanceof Token.Name(var name) ? name : "";
  }

  private Node loop() {
    var names = new ArrayList<String>();
    do {
      names.add(name());
    } while (sign(","));
    if (!word("in")) {
      throw new TemplateException("a loop needs 'in'");
    }
    var over = disjunction();
    Optional<Expression> filter = word("if") ? Optional.of(expression()) : Optional.empty();
    end();
    var body = nodes(Set.of("else", "endfor"));
    List<Node> none = List.of();
    if (before().equals("else")) {
      end();
      none = nodes(Set.of("endfor"));
    }
    end();
    var otherwise = none;
    return scope -> {
      var kept = new ArrayList<Object>();
      for (var element : Value.elements(over.value(scope))) {
        scope.step();
        var inner = scope.inner();
        bind(names, element, inner);
        if (filter.isEmpty() || Value.truth(filter.get().value(inner))) {
          kept.add(element);
        }
      }
      if (kept.isEmpty()) {
        write(otherwise, scope);
      }
      for (int i = 0; i < kept.size(); i++) {
        scope.step();
        var inner = scope.inner();
        bind(names, kept.get(i), inner);
        inner.set("loop", loop(i, kept));
        write(body, inner);
      }
    };
  }

  private static void bind(List<String> names, Object element, Scope scope) {
    if (names.size() == 1) {
      scope.set(names.getFirst(), element);
      return;
    }
    var parts = Value.elements(element);
    if (parts.size() != names.size()) {
      throw new TemplateException(
          "a loop over %d names met %d values".formatted(names.size(), parts.size()));
    }
    for (int i = 0; i < names.size(); i++) {
      scope.set(names.get(i), parts.get(i));
    }
  }

  private static Map<String, Object> loop(int i, List<Object> all) {
    var loop = new HashMap<String, Object>();
    loop.put("index", i + 1L);
    loop.put("index0", (long) i);
    loop.put("revindex", (long) all.size() - i);
    loop.put("revindex0", all.size() - i - 1L);
    loop.put("first", i == 0);
    loop.put("last", i == all.size() - 1);
    loop.put("length", (long) all.size());
    loop.put("previtem", i == 0 ? new Value.Undefined("previtem") : all.get(i - 1));
    loop.put("nextitem", i == all.size() - 1 ? new Value.Undefined("nextitem") : all.get(i + 1));
    return loop;
  }

  private Node assignment() {
    var name = name();
    if (sign(".")) {
      var field = name();
      require("=");
      var value = expression();
      end();
      return scope -> {
        if (!(scope.get(name) instanceof Namespace(var fields))) {
          throw new TemplateException("'%s' is no namespace".formatted(name));
        }
        fields.put(field, value.value(scope));
      };
    }
    require("=");
    var value = expression();
    end();
    return scope -> scope.set(name, value.value(scope));
  }

  /** What {@code namespace()} makes: fields that loops can set for what follows them. */
  record Namespace(Map<String, Object> fields) {}

  private static void write(List<Node> nodes, Scope scope) {
    for (var node : nodes) {
      node.write(scope);
    }
  }

  // -- words

  private void begin(List<Token> words) {
    tokens = words;
    at = 0;
  }

  private void end() {
    if (at < tokens.size()) {
      throw new TemplateException("a tag goes on with '%s'".formatted(shown(tokens.get(at))));
    }
  }

  private void deeper() {
    if (++depth > DEEPEST) {
      throw new TemplateException("the template nests too deeply");
    }
  }

  private boolean sign(String sign) {
    boolean found = at < tokens.size() && tokens.get(at).equals(new Token.Sign(sign));
    at += found ? 1 : 0;
    return found;
  }

  private boolean word(String word) {
    boolean found = at < tokens.size() && tokens.get(at).equals(new Token.Name(word));
    at += found ? 1 : 0;
    return found;
  }

  private void require(String sign) {
    if (!sign(sign)) {
      throw new TemplateException("'%s' is due".formatted(sign));
    }
  }

  private String name() {
    if (at < tokens.size() && tokens.get(at) instanceof Token.Name(var name)) {
      at++;
      return name;
    }
    throw new TemplateException("a name is due");
  }

  private static String shown(Token token) {
    return switch (token) {
      case Token.Name(var name) -> name;
      case Token.Sign(var sign) -> sign;
      case Token.Literal(var value) -> Value.text(value);
    };
  }

  // -- expressions, the loosest first

  private Expression expression() {
    deeper();
    var value = disjunction();
    if (word("if")) {
      var condition = disjunction();
      Expression otherwise = word("else") ? expression() : scope -> new Value.Undefined("else");
      depth--;
      return scope ->
          Value.truth(condition.value(scope)) ? value.value(scope) : otherwise.value(scope);
    }
    depth--;
    return value;
  }

  private Expression disjunction() {
    var value = conjunction();
    while (word("or")) {
      var left = value;
      var right = conjunction();
      value =
          scope -> {
            var first = left.value(scope);
            return Value.truth(first) ? first : right.value(scope);
          };
    }
    return value;
  }

  private Expression conjunction() {
    var value = negation();
    while (word("and")) {
      var left = value;
      var right = negation();
      value =
          scope -> {
            var first = left.value(scope);
            return Value.truth(first) ? right.value(scope) : first;
          };
    }
    return value;
  }

  private Expression negation() {
    if (word("not")) {
      deeper();
      var value = negation();
      depth--;
      return scope -> !Value.truth(value.value(scope));
    }
    return comparison();
  }

  private Expression comparison() {
    var value = sum();
    while (true) {
      var left = value;
      if (sign("==")) {
        var right = sum();
        value = scope -> Value.same(left.value(scope), right.value(scope));
      } else if (sign("!=")) {
        var right = sum();
        value = scope -> !Value.same(left.value(scope), right.value(scope));
      } else if (sign("<=")) {
        var right = sum();
        value = scope -> Operators.compare(left.value(scope), right.value(scope)) <= 0;
      } else if (sign(">=")) {
        var right = sum();
        value = scope -> Operators.compare(left.value(scope), right.value(scope)) >= 0;
      } else if (sign("<")) {
        var right = sum();
        value = scope -> Operators.compare(left.value(scope), right.value(scope)) < 0;
      } else if (sign(">")) {
        var right = sum();
        value = scope -> Operators.compare(left.value(scope), right.value(scope)) > 0;
      } else if (word("in")) {
        var right = sum();
        value = scope -> Operators.contains(right.value(scope), left.value(scope));
      } else if (word("not")) {
        if (!word("in")) {
          throw new TemplateException("'in' is due after 'not'");
        }
        var right = sum();
        value = scope -> !Operators.contains(right.value(scope), left.value(scope));
      } else {
        return value;
      }
    }
  }

  private Expression sum() {
    var value = product();
    while (true) {
      var left = value;
      if (sign("+")) {
        var right = product();
        value = scope -> Operators.add(left.value(scope), right.value(scope));
      } else if (sign("-")) {
        var right = product();
        value = scope -> Operators.calculate('-', left.value(scope), right.value(scope));
      } else if (sign("~")) {
        var right = product();
        value =
            scope -> Operators.join(Value.text(left.value(scope)), Value.text(right.value(scope)));
      } else {
        return value;
      }
    }
  }

  private Expression product() {
    var value = unary();
    while (true) {
      var left = value;
      char operator = sign("*") ? '*' : sign("//") ? 'd' : sign("/") ? '/' : sign("%") ? '%' : 0;
      if (operator == 0) {
        return value;
      }
      var right = unary();
      value = scope -> Operators.calculate(operator, left.value(scope), right.value(scope));
    }
  }

  private Expression unary() {
    if (sign("-")) {
      deeper();
      var value = unary();
      depth--;
      return scope -> Operators.calculate('-', 0L, value.value(scope));
    }
    return filtered(postfix(primary()));
  }

  /** A value with filters and tests after it. */
  private Expression filtered(Expression first) {
    var value = first;
    while (true) {
      var input = value;
      if (sign("|")) {
        var name = name();
        var arguments = sign("(") ? arguments() : List.<Argument>of();
        value =
            scope -> {
              scope.step();
              return Filters.apply(name, input.value(scope), values(arguments, scope));
            };
      } else if (word("is")) {
        boolean not = word("not");
        var name = name();
        List<Argument> arguments = List.of();
        if (sign("(")) {
          arguments = arguments();
        } else if (beginsValue()) {
          arguments = List.of(new Argument("", postfix(primary())));
        }
        var given = arguments;
        value =
            scope -> not != Tests.test(name, input.value(scope), values(given, scope).positional());
      } else {
        return value;
      }
    }
  }

  /** Whether a test's argument may begin here, written without brackets. */
  private boolean beginsValue() {
    return at < tokens.size()
        && switch (tokens.get(at)) {
          case Token.Literal _ -> true;
          case Token.Name(var name) -> !WORDS.contains(name);
          case Token.Sign(var sign) -> sign.equals("[");
        };
  }

  /**
   * What a function, filter or method is given.
   *
   * @param name empty where it counts by its place
   */
  private record Argument(String name, Expression value) {}

  /** The values of arguments. */
  record Arguments(List<Object> positional, Map<String, Object> named) {
    /** An argument by its place or name, or something else. */
    Object get(int place, String name, Object otherwise) {
      return place < positional.size()
          ? positional.get(place)
          : named.getOrDefault(name, otherwise);
    }
  }

  private static Arguments values(List<Argument> arguments, Scope scope) {
    var positional = new ArrayList<Object>();
    var named = new LinkedHashMap<String, Object>();
    for (var argument : arguments) {
      var value = argument.value().value(scope);
      if (argument.name().isEmpty()) {
        positional.add(value);
      } else {
        named.put(argument.name(), value);
      }
    }
    return new Arguments(positional, named);
  }

  /** Arguments after an opening bracket, with the closing one. */
  private List<Argument> arguments() {
    var arguments = new ArrayList<Argument>();
    while (!sign(")")) {
      if (!arguments.isEmpty()) {
        require(",");
        if (sign(")")) {
          break;
        }
      }
      boolean named =
          at + 1 < tokens.size()
              && tokens.get(at) instanceof Token.Name
              && tokens.get(at + 1).equals(new Token.Sign("="));
      var name = named ? name() : "";
      if (named) {
        require("=");
      }
      arguments.add(new Argument(name, expression()));
    }
    return arguments;
  }

  /** A value with fields, elements and calls after it. */
  private Expression postfix(Expression first) {
    var value = first;
    while (true) {
      var of = value;
      if (sign(".")) {
        var name = name();
        if (sign("(")) {
          var arguments = arguments();
          value =
              scope -> {
                scope.step();
                return Methods.call(of.value(scope), name, values(arguments, scope));
              };
        } else {
          value = scope -> Operators.field(of.value(scope), name);
        }
      } else if (sign("[")) {
        value = element(of);
      } else {
        return value;
      }
    }
  }

  private Expression element(Expression of) {
    Expression none = scope -> null;
    var from = at < tokens.size() && isSign(":") ? none : expression();
    if (!sign(":")) {
      require("]");
      return scope -> Operators.element(of.value(scope), from.value(scope));
    }
    var to = isSign("]") || isSign(":") ? none : expression();
    var by = sign(":") && !isSign("]") ? expression() : none;
    require("]");
    return scope ->
        Operators.slice(of.value(scope), from.value(scope), to.value(scope), by.value(scope));
  }

  private boolean isSign(String sign) {
    return at < tokens.size() && tokens.get(at).equals(new Token.Sign(sign));
  }

  private Expression primary() {
    if (at >= tokens.size()) {
      throw new TemplateException("a value is due");
    }
    deeper();
    var value =
        switch (tokens.get(at++)) {
          case Token.Literal(var literal) -> text(literal);
          case Token.Name(var name) -> named(name);
          case Token.Sign(var sign) ->
              switch (sign) {
                case "(" -> bracketed();
                case "[" -> list("]");
                case "{" -> dictionary();
                default -> throw new TemplateException("a value is due, not '%s'".formatted(sign));
              };
        };
    depth--;
    return value;
  }

  /** Neighbouring texts are one. */
  private Expression text(Object literal) {
    var whole = literal;
    while (whole instanceof String text
        && at < tokens.size()
        && tokens.get(at) instanceof Token.Literal(String more)) {
      at++;
      whole = text + more;
    }
    var value = whole;
    return scope -> value;
  }

  private Expression named(String name) {
    switch (name) {
      case "true", "True":
        return scope -> true;
      case "false", "False":
        return scope -> false;
      case "none", "None":
        return scope -> null;
      default:
        if (WORDS.contains(name)) {
          throw new TemplateException("a value is due, not '%s'".formatted(name));
        }
        if (!sign("(")) {
          return scope -> scope.get(name);
        }
        var arguments = arguments();
        return function(name, arguments);
    }
  }

  private static Expression function(String name, List<Argument> arguments) {
    return switch (name) {
      case "raise_exception" ->
          scope -> {
            throw new TemplateException(Value.text(values(arguments, scope).get(0, "message", "")));
          };
      case "namespace" -> scope -> new Namespace(new HashMap<>(values(arguments, scope).named()));
      case "dict" -> scope -> new LinkedHashMap<>(values(arguments, scope).named());
      case "range" -> scope -> Operators.range(values(arguments, scope).positional());
      default -> // a template may ask whether there is such a function before it calls it
          scope -> {
            throw new TemplateException("the function '%s' is not known".formatted(name));
          };
    };
  }

  private Expression bracketed() {
    var first = expression();
    if (sign(")")) {
      return first;
    }
    require(",");
    return list(first, ")");
  }

  private Expression list(String close) {
    return sign(close) ? scope -> new ArrayList<>() : listFrom(expression(), close);
  }

  private Expression listFrom(Expression first, String close) {
    if (sign(close)) {
      return scope -> new ArrayList<>(Collections.singletonList(first.value(scope)));
    }
    require(",");
    return list(first, close);
  }

  /** A list whose first element, and the comma after it, were read. */
  private Expression list(Expression first, String close) {
    var all = new ArrayList<Expression>(List.of(first));
    while (!sign(close)) {
      all.add(expression());
      if (!sign(",")) {
        require(close);
        break;
      }
    }
    return scope -> {
      var values = new ArrayList<Object>();
      for (var each : all) {
        values.add(each.value(scope));
      }
      return values;
    };
  }

  private Expression dictionary() {
    var keys = new ArrayList<Expression>();
    var values = new ArrayList<Expression>();
    while (!sign("}")) {
      keys.add(expression());
      require(":");
      values.add(expression());
      if (!sign(",")) {
        require("}");
        break;
      }
    }
    return scope -> {
      var map = new LinkedHashMap<Object, Object>();
      for (int i = 0; i < keys.size(); i++) {
        map.put(keys.get(i).value(scope), values.get(i).value(scope));
      }
      return map;
    };
  }
}
