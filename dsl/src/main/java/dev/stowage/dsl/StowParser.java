package dev.stowage.dsl;

import com.google.inject.Injector;
import dev.stowage.dsl.script.Script;
import dev.stowage.dsl.script.ScriptFactory;
import dev.stowage.dsl.script.ScriptPackage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.eclipse.emf.common.util.URI;
import org.eclipse.emf.ecore.EPackage;
import org.eclipse.xtext.common.TerminalsStandaloneSetup;
import org.eclipse.xtext.resource.IResourceFactory;
import org.eclipse.xtext.resource.XtextResource;
import org.eclipse.xtext.resource.XtextResourceSet;

/** Reads {@code .stow} files, with what they import, without any editor. Safe for many threads. */
public final class StowParser {
  /** A plan is a page of text; anything larger is some other file. */
  static final int MAX_BYTES = 4 << 20;

  private StowParser() {}

  /**
   * Reads a file, links and checks it. Never throws for what the file holds, nor when it cannot be
   * read: that is a diagnostic too.
   */
  public static Parsed parse(Path file) {
    return switch (text(file)) {
      case Text.Readable(var text) -> parse(text, file);
      case Text.Unreadable(var why) ->
          new Parsed(ScriptFactory.eINSTANCE.createScript(), List.of(why));
    };
  }

  /** What a file holds. */
  public sealed interface Text {
    /** Text in UTF-8, of a size that a plan may have. */
    record Readable(String text) implements Text {}

    /** Nothing that could be a plan. */
    record Unreadable(Diagnostic why) implements Text {}
  }

  /** Reads a file's text without looking at what it says. */
  public static Text text(Path file) {
    Path absolute = file.toAbsolutePath().normalize();
    SourceSpan start = SourceSpan.startOf(absolute.toString());
    try (InputStream in = Files.newInputStream(absolute)) {
      byte[] bytes = in.readNBytes(MAX_BYTES + 1);
      return bytes.length > MAX_BYTES
          ? new Text.Unreadable(Messages.fileTooLarge(start, MAX_BYTES))
          : new Text.Readable(
              StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString());
    } catch (CharacterCodingException e) {
      return new Text.Unreadable(Messages.notUtf8(start));
    } catch (NoSuchFileException e) {
      return new Text.Unreadable(Messages.noSuchFile(start));
    } catch (IOException e) {
      return new Text.Unreadable(Messages.unreadable(start, e.getMessage()));
    }
  }

  /**
   * Reads a text as if it stood in {@code file}, which need not exist: imports are relative to its
   * folder.
   */
  public static Parsed parse(String text, Path file) {
    XtextResource resource = load(text, file);
    Script root =
        resource.getContents().isEmpty()
            ? ScriptFactory.eINSTANCE.createScript()
            : (Script) resource.getContents().getFirst();
    return new Parsed(root, Checker.check(resource));
  }

  private static XtextResource load(String text, Path file) {
    XtextResourceSet resources = resourceSet();
    URI uri = URI.createFileURI(file.toAbsolutePath().normalize().toString());
    XtextResource resource = (XtextResource) resources.createResource(uri);
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    try {
      resource.load(new ByteArrayInputStream(bytes), Map.of());
    } catch (IOException e) {
      throw new IllegalStateException("reading from memory failed", e);
    }
    return resource;
  }

  /** Lays a text out (see {@link Formatter}); empty when it has syntax errors. */
  public static Optional<String> format(String text) {
    return Formatter.format(load(text, Path.of("text.stow")));
  }

  private static XtextResourceSet resourceSet() {
    Injector injector = Language.INJECTOR;
    XtextResourceSet resources = injector.getInstance(XtextResourceSet.class);
    resources
        .getResourceFactoryRegistry()
        .getExtensionToFactoryMap()
        .put("stow", injector.getInstance(IResourceFactory.class));
    return resources;
  }

  /** Made once, on first use; registers no factory with EMF's global registries. */
  private static final class Language {
    static final Injector INJECTOR = create();

    private static Injector create() {
      TerminalsStandaloneSetup.doSetup();
      EPackage.Registry.INSTANCE.put(ScriptPackage.eNS_URI, ScriptPackage.eINSTANCE);
      return new StowStandaloneSetup().createInjector();
    }
  }
}
