package dev.stowage.dsl.ide;

import com.google.inject.Singleton;
import dev.stowage.dsl.Facts;
import dev.stowage.dsl.Vocabulary;
import dev.stowage.dsl.script.Device;
import dev.stowage.dsl.script.DeviceType;
import dev.stowage.dsl.script.Link;
import dev.stowage.dsl.script.Metric;
import dev.stowage.dsl.script.Param;
import dev.stowage.dsl.script.Property;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.Segment;
import dev.stowage.dsl.script.Selector;
import dev.stowage.dsl.script.WorkloadItem;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.emf.common.util.URI;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.util.EcoreUtil;
import org.eclipse.xtext.documentation.IEObjectDocumentationProvider;
import org.eclipse.xtext.nodemodel.ICompositeNode;
import org.eclipse.xtext.nodemodel.ILeafNode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;

/**
 * What an editor shows when the mouse rests on a name: its text, its doc comment, what it means; as
 * markdown.
 */
@Singleton
public class HoverText implements IEObjectDocumentationProvider {
  private final List<SelectorSource> sources;

  public HoverText() {
    sources =
        ServiceLoader.load(SelectorSource.class, HoverText.class.getClassLoader()).stream()
            .map(ServiceLoader.Provider::get)
            .toList();
  }

  @Override
  public String getDocumentation(EObject object) {
    return switch (object) {
      case Device device -> declared(device) + inherited(device);
      case Property property ->
          meaning(property.getName(), known(property.eContainer())) + source(property);
      case WorkloadItem item -> meaning(item.getName(), Vocabulary.workloadItems());
      case Metric metric -> meaning(metric.getName(), Vocabulary.metrics());
      case Param param -> declared(param) + line(meaning(param.getType(), Vocabulary.paramTypes()));
      case Selector selector -> selected(selector);
      case Segment segment -> selected((Selector) segment.eContainer());
      case null -> null;
      default -> object.eClass().getEStructuralFeature("name") == null ? null : declared(object);
    };
  }

  private String selected(Selector selector) {
    URI uri = selector.eResource().getURI();
    if (!uri.isFile() || !(EcoreUtil.getRootContainer(selector) instanceof Script script)) {
      return null;
    }
    Path file = Path.of(uri.toFileString()).toAbsolutePath();
    String text = NodeModelUtils.getTokenText(NodeModelUtils.findActualNodeFor(selector));
    return sources.stream()
        .flatMap(source -> source.describe(selector, script, file).stream())
        .findFirst()
        .map(words -> "**" + text + "**: " + words)
        .orElse(null);
  }

  private static String declared(EObject object) {
    ICompositeNode node = NodeModelUtils.findActualNodeFor(object);
    if (node == null) {
      return "";
    }
    String comment = comment(node);
    return "```stow\n" + shortened(node.getText().strip()) + "\n```" + line(comment);
  }

  private static String shortened(String text) {
    List<String> lines = text.lines().toList();
    int most = 16;
    return lines.size() <= most ? text : String.join("\n", lines.subList(0, most)) + "\n…";
  }

  /** The lines of {@code ///} right above. */
  private static String comment(ICompositeNode node) {
    var lines = new ArrayList<String>();
    for (ILeafNode leaf : node.getLeafNodes()) {
      if (!leaf.isHidden()) {
        break;
      }
      if (leaf.getText().startsWith("///")) {
        lines.add(leaf.getText().substring(3).strip());
      } else if (!leaf.getText().isBlank()) {
        lines.clear();
      }
    }
    return String.join("\n", lines);
  }

  private static String meaning(String word, Map<String, Vocabulary.Entry> known) {
    Vocabulary.Entry entry = word == null ? null : known.get(word);
    if (entry == null) {
      return "";
    }
    String measures =
        entry.isText()
            ? "a text"
            : entry.dimensions().stream()
                .sorted()
                .map(one -> one.words())
                .collect(Collectors.joining(" or "));
    return "**" + word + "**: " + entry.meaning() + " Takes " + measures + ".";
  }

  private static Map<String, Vocabulary.Entry> known(EObject owner) {
    return switch (owner) {
      case Device device -> Vocabulary.deviceProperties(device.getKind());
      case DeviceType type -> Vocabulary.deviceProperties(type.getKind());
      case Link _ -> Vocabulary.linkProperties();
      default -> Map.of();
    };
  }

  private static String source(Property property) {
    if (property.getProvenance() == null) {
      return "";
    }
    String date = property.getProvenance().getDate();
    return line(
        "Origin: "
            + property.getProvenance().getOrigin().getLiteral()
            + (date == null ? "" : " " + date));
  }

  /** The properties that a device has from its type and does not set itself. */
  private static String inherited(Device device) {
    Set<String> set = new HashSet<>();
    device.getProperties().forEach(one -> set.add(Facts.key(one)));
    var lines = new ArrayList<String>();
    Set<DeviceType> seen = new HashSet<>();
    for (DeviceType type = device.getType();
        type != null && !type.eIsProxy() && seen.add(type);
        type = type.getBase()) {
      for (Property property : type.getProperties()) {
        if (set.add(Facts.key(property))) {
          ICompositeNode node = NodeModelUtils.findActualNodeFor(property);
          lines.add("- " + NodeModelUtils.getTokenText(node) + " (" + type.getName() + ")");
        }
      }
    }
    Collections.sort(lines);
    return lines.isEmpty() ? "" : line(String.join("\n", lines));
  }

  private static String line(String text) {
    return text.isEmpty() ? "" : "\n\n" + text;
  }
}
