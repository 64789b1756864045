package dev.stowage.cli.jinja;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Templates as models bring them, and what they make of a conversation. */
class TemplateTest {
  private static final String CHATML =
      "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
          + "{{ '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' }}{% endif %}"
          + "{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n'}}"
          + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
  private static final String LLAMA_2 =
      "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
          + "{% set system_message = messages[0]['content'] %}{% else %}"
          + "{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
          + "{% for message in loop_messages %}"
          + "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
          + "{{ raise_exception('Conversation roles must alternate') }}{% endif %}"
          + "{% if loop.index0 == 0 and system_message != false %}"
          + "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
          + "{% else %}{% set content = message['content'] %}{% endif %}"
          + "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
          + "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}"
          + "{% endif %}{% endfor %}";
  private static final String LLAMA_3 =
      "{% set loop_messages = messages %}{% for message in loop_messages %}"
          + "{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n'"
          + "+ message['content'] | trim + '<|eot_id|>' %}"
          + "{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}"
          + "{{ content }}{% endfor %}{% if add_generation_prompt %}"
          + "{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}";
  private static final String ZEPHYR =
      """
      {% for message in messages %}
      {% if message['role'] == 'user' %}
      {{ '<|user|>\\n' + message['content'] + eos_token }}
      {% elif message['role'] == 'system' %}
      {{ '<|system|>\\n' + message['content'] + eos_token }}
      {% elif message['role'] == 'assistant' %}
      {{ '<|assistant|>\\n'  + message['content'] + eos_token }}
      {% endif %}
      {% if loop.last and add_generation_prompt %}
      {{ '<|assistant|>' }}
      {% endif %}
      {% endfor %}
      """;
  private static final String THINKING =
      """
      {%- if tools %}
          {{- tools | reject('equalto', 'code') | tojson }}
      {%- endif %}
      {%- set ns = namespace(last=-1, seen=false) %}
      {%- for message in messages[::-1] %}
          {%- set index = (messages|length - 1) - loop.index0 %}
          {%- if not ns.seen and message.role == "user" %}
              {%- set ns.seen = true %}
              {%- set ns.last = index %}
          {%- endif %}
      {%- endfor %}
      {#- what was thought before the last question is left out -#}
      {%- for message in messages %}
          {%- set content = message.content if message.content is string else '' %}
          {%- if '</think>' in content and loop.index0 < ns.last %}
              {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
          {%- endif %}
          {{- '<' ~ message.role ~ '>' ~ content }}
      {%- endfor %}
      {%- if strftime_now is defined %}{{- strftime_now('%d %b %Y') }}{%- endif %}
      {{- '|' ~ (date | default('no date')) }}
      """;

  private static Map<String, Object> message(String role, String content) {
    return Map.of("role", role, "content", content);
  }

  private static String chat(String template, List<Map<String, Object>> messages) {
    var variables = new HashMap<String, Object>();
    variables.put("messages", messages);
    variables.put("add_generation_prompt", true);
    variables.put("bos_token", "<s>");
    variables.put("eos_token", "</s>");
    return Template.parse(template).render(variables);
  }

  private static String rendered(String template) {
    return Template.parse(template)
        .render(Map.of("a", 7L, "t", "Ab c", "list", List.of(1L, 2L, 3L), "map", Map.of("k", "v")));
  }

  @Test
  void knownTemplatesMakeTheirPrompts() {
    var asked = List.of(message("system", "Be brief."), message("user", " Hi "));
    var going = List.of(message("user", "Hi"), message("assistant", "Ho"), message("user", "And?"));
    assertEquals(
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n"
            + "<|im_start|>assistant\n",
        chat(CHATML, asked));
    assertTrue(chat(CHATML, going).startsWith("<|im_start|>system\nYou are a helpful"));
    assertEquals("<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n Hi [/INST]", chat(LLAMA_2, asked));
    assertEquals("<s>[INST] Hi [/INST] Ho </s><s>[INST] And? [/INST]", chat(LLAMA_2, going));
    assertEquals(
        "<s><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            + "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
            + "<|start_header_id|>assistant<|end_header_id|>\n\n",
        chat(LLAMA_3, asked));
    assertEquals(
        "<|system|>\nBe brief.</s>\n<|user|>\n Hi </s>\n<|assistant|>\n", chat(ZEPHYR, asked));
    var thought =
        List.of(
            message("user", "Hi"), message("assistant", "hm</think>\n\nHo"), message("user", "x"));
    assertEquals("<user>Hi<assistant>Ho<user>x|no date", chat(THINKING, thought));
  }

  @Test
  void aTemplateMayObject() {
    var twice = List.of(message("user", "Hi"), message("user", "Ho"));
    var e = assertThrows(TemplateException.class, () -> chat(LLAMA_2, twice));
    assertEquals("Conversation roles must alternate", e.getMessage());
  }

  @Test
  void expressionsAreThoseOfPython() {
    for (var pair :
        Map.ofEntries(
                Map.entry("{{ 1 + 2 * 3 - -4 }}", "11"),
                Map.entry("{{ 7 // 2 }}{{ -7 // 2 }}{{ -7 % 3 }}{{ 7 / 2 }}", "3-423.5"),
                Map.entry("{{ a > 6 and not a == 8 or nothing }}", "True"),
                Map.entry("{{ ['b' in t, 3 not in list] }}", "[True, False]"),
                Map.entry("{{ list[-1] }}{{ list[:2] }}{{ t[::-1] }}", "3[1, 2]c bA"),
                Map.entry("{{ nothing is defined }}{{ nothing }}{{ none is none }}", "FalseTrue"),
                Map.entry("{{ t|upper|replace('B', 'x') }}{{ t.split(' ')[0] }}", "Ax CAb"),
                Map.entry("{{ {'x': [1, 'y', none]} | tojson }}", "{\"x\": [1, \"y\", null]}"),
                Map.entry("{{ 'a' if a is odd else 'b' }}{{ list | join('-') }}", "a1-2-3"),
                Map.entry("{% for k, v in map.items() %}{{ k }}={{ v }}{% endfor %}", "k=v"),
                Map.entry(
                    "{% for x in list if x != 2 %}{{ loop.index }}{{ x }},{% endfor %}", "11,23,"),
                Map.entry("{% for x in [] %}{% else %}none{% endfor %}", "none"),
                Map.entry(
                    "{% set x = 1 %}{% for i in list %}{% set x = 2 %}{% endfor %}{{ x }}", "1"),
                Map.entry(
                    "a\n  {% if true %}\nb\n  {%- endif %}\nc {{- ' d ' -}}\n e\n", "a\nbc d e"),
                Map.entry("{{ map.get('z', 'no') }}{{ map['k'] }}{{ map.k }}{{ '}}' }}", "novv}}"))
            .entrySet()) {
      assertEquals(pair.getValue(), rendered(pair.getKey()), pair.getKey());
    }
  }

  @Test
  void whatIsNoTemplateIsSaidInOneLine() {
    for (var wrong :
        List.of(
            "{{",
            "{{ }}",
            "{{ a b }}",
            "{{ 'a }}",
            "{% if a %}",
            "{% endif %}",
            "{% macro m() %}{% endmacro %}",
            "{% include 'x' %}",
            "{{ nothing.at.all }}",
            "{{ t.getClass() }}",
            "{{ list | sum }}",
            "{{ fetch('x') }}",
            "{{ 1 / 0 }}",
            "{{ t + 1 }}",
            "{{ 9223372036854775807 }}",
            "{# never ends",
            "{{ " + "(".repeat(5000) + " }}",
            "{{ " + "not ".repeat(5000) + "a }}",
            "{% if a %}".repeat(5000))) {
      var e = assertThrows(TemplateException.class, () -> rendered(wrong), wrong);
      assertTrue(e.getMessage().lines().count() == 1 && e.getMessage().length() < 200, wrong);
    }
  }

  @Test
  void hostileTemplatesEnd() {
    var loops = "{% for x in range(90000) %}".repeat(3) + "{% endfor %}".repeat(3);
    assertThrows(TemplateException.class, () -> rendered(loops));
    var doubling =
        "{% set s = 'aaaaaaaaaaaaaaaa' %}" + "{% set s = s ~ s %}".repeat(60) + "{{ s }}";
    assertThrows(TemplateException.class, () -> rendered(doubling));
    var lists = "{% set l = [1] %}" + "{% set l = [l] %}".repeat(200) + "{{ l }}";
    assertThrows(TemplateException.class, () -> rendered(lists));
    var replacing =
        "{% set s = 'aaaaaaaaaaaaaaaa' %}" + "{% set s = s.replace('a', s) %}".repeat(9);
    assertThrows(TemplateException.class, () -> rendered(replacing));
  }
}
