package dev.stowage.dsl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.stowage.dsl.script.Script;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import org.eclipse.emf.ecore.EAttribute;
import org.eclipse.emf.ecore.EClass;
import org.eclipse.emf.ecore.EObject;
import org.eclipse.emf.ecore.EReference;
import org.eclipse.xtext.nodemodel.ILeafNode;
import org.eclipse.xtext.nodemodel.util.NodeModelUtils;
import org.eclipse.xtext.resource.XtextResource;
import org.junit.jupiter.api.Test;

/** Laying out changes no meaning, loses no comment, and once is enough; for any script. */
class LayoutPropertyTest {
  private static final long SEED = Long.getLong("stowage.seed", 20_26);
  private static final int ROUNDS = Integer.getInteger("stowage.rounds", 300);

  @Test
  void layingOutKeepsTheTreeAndTheCommentsAndIsDoneAfterOnce() {
    var random = new Random(SEED);
    for (int round = 0; round < ROUNDS; round++) {
      String text = RandomScripts.script(random);
      String message = "seed " + SEED + " round " + round + "\n" + text;
      Script before = read(text, message);
      String once = StowParser.format(text).orElseThrow(() -> new AssertionError(message));
      Script after = read(once, message);
      assertEquals(tree(before), tree(after), message);
      assertEquals(comments(before), comments(after), message);
      assertEquals(once, StowParser.format(once).orElseThrow(), message);
    }
  }

  @Test
  void randomScriptsUseEveryRuleOfTheGrammar() {
    var random = new Random(SEED);
    Set<String> used = new HashSet<>();
    for (int round = 0; round < ROUNDS; round++) {
      Script script = StowParser.parse(RandomScripts.script(random), Path.of("p.stow")).root();
      script.eAllContents().forEachRemaining(object -> used.add(object.eClass().getName()));
    }
    Set<String> missing =
        dev.stowage.dsl.script.ScriptPackage.eINSTANCE.getEClassifiers().stream()
            .filter(EClass.class::isInstance)
            .map(EClass.class::cast)
            .filter(type -> isMade(type))
            .map(EClass::getName)
            .filter(name -> !used.contains(name) && !name.equals("Script"))
            .collect(Collectors.toSet());
    assertEquals(Set.of(), missing, "seed " + SEED);
  }

  /** Whether the parser makes objects of just this class, not only of those below it. */
  private static boolean isMade(EClass type) {
    return dev.stowage.dsl.script.ScriptPackage.eINSTANCE.getEClassifiers().stream()
        .noneMatch(
            other -> other instanceof EClass below && below != type && type.isSuperTypeOf(below));
  }

  private static Script read(String text, String message) {
    Parsed parsed = StowParser.parse(text, Path.of("p.stow"));
    assertEquals(
        List.of(),
        parsed.diagnostics().stream().filter(one -> one.code().startsWith("SW0")).toList(),
        message);
    return parsed.root();
  }

  /** The whole tree as text; a reference as it was written. */
  private static String tree(EObject object) {
    var text = new StringBuilder(object.eClass().getName()).append('(');
    for (EAttribute attribute : object.eClass().getEAllAttributes()) {
      text.append(attribute.getName()).append('=').append(object.eGet(attribute)).append(' ');
    }
    for (EReference reference : object.eClass().getEAllReferences()) {
      if (!reference.isContainment() && !reference.isContainer()) {
        NodeModelUtils.findNodesForFeature(object, reference)
            .forEach(node -> text.append(NodeModelUtils.getTokenText(node)).append(' '));
      }
    }
    for (EObject child : object.eContents()) {
      text.append(tree(child));
    }
    return text.append(')').toString();
  }

  private static List<String> comments(Script script) {
    var comments = new ArrayList<String>();
    var resource = (XtextResource) script.eResource();
    for (ILeafNode leaf : resource.getParseResult().getRootNode().getLeafNodes()) {
      if (leaf.isHidden() && !leaf.getText().isBlank()) {
        comments.add(leaf.getText().strip());
      }
    }
    return comments;
  }
}
