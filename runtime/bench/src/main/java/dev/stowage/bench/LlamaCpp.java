package dev.stowage.bench;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.GroupLayout;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * llama.cpp's library, called by its C interface ({@code llama.h}): one model and one context, for
 * several sequences that are decoded together.
 *
 * <p>Its parameter structures grow with its versions. They are passed as blocks larger than any of
 * them; of a context's only the first four numbers are set, whose places are checked by what they
 * hold by default.
 */
final class LlamaCpp implements Peer {
  private static final MemoryLayout WIDE = MemoryLayout.sequenceLayout(64, ADDRESS);
  private static final GroupLayout PARAMETERS = MemoryLayout.structLayout(WIDE);
  private static final GroupLayout BATCH =
      MemoryLayout.structLayout(
          JAVA_INT.withName("tokens"),
          MemoryLayout.paddingLayout(4),
          ADDRESS, // ids
          ADDRESS, // embeddings
          ADDRESS, // positions
          ADDRESS, // how many sequences each is of
          ADDRESS, // which
          ADDRESS); // whether logits are wanted
  private static final int[] DEFAULTS = {512, 2048, 512, 1};

  private final Arena arena = Arena.ofShared();
  private final SymbolLookup library;
  private final MemorySegment model;
  private final MemorySegment context;
  private final MemorySegment memory;
  private final MethodHandle decode;
  private final MethodHandle synchronize;
  private final MethodHandle clear;

  /**
   * @param folder with {@code libllama*.so} and the libraries it needs
   * @param tokens a sequence can have
   */
  LlamaCpp(Path folder, Path file, int sequences, int tokens, int threads) throws IOException {
    load(folder, "libggml-base");
    var ggml = load(folder, "libggml.");
    library = load(folder, "libllama.");
    try {
      of(ggml, "ggml_backend_load_all_from_path", FunctionDescriptor.ofVoid(ADDRESS))
          .invokeExact(arena.allocateFrom(folder.toString()));
      of("llama_log_set", FunctionDescriptor.ofVoid(ADDRESS, ADDRESS))
          .invokeExact(silence(), MemorySegment.NULL);
      var modelParameters = parameters("llama_model_default_params");
      model =
          (MemorySegment)
              of("llama_model_load_from_file", FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(arena.allocateFrom(file.toString()), modelParameters);
      require(!model.equals(MemorySegment.NULL), "llama.cpp does not load " + file);
      var parameters = parameters("llama_context_default_params");
      for (int i = 0; i < DEFAULTS.length; i++) {
        require(
            parameters.getAtIndex(JAVA_INT, i) == DEFAULTS[i],
            "this version of llama.cpp has other context parameters");
      }
      parameters.setAtIndex(JAVA_INT, 0, sequences * tokens);
      parameters.setAtIndex(JAVA_INT, 3, sequences);
      context =
          (MemorySegment)
              of("llama_init_from_model", FunctionDescriptor.of(ADDRESS, ADDRESS, PARAMETERS))
                  .invokeExact(model, parameters);
      require(!context.equals(MemorySegment.NULL), "llama.cpp makes no context");
      of("llama_set_n_threads", FunctionDescriptor.ofVoid(ADDRESS, JAVA_INT, JAVA_INT))
          .invokeExact(context, threads, threads);
      memory =
          (MemorySegment)
              of("llama_get_memory", FunctionDescriptor.of(ADDRESS, ADDRESS)).invokeExact(context);
      decode = of("llama_decode", FunctionDescriptor.of(JAVA_INT, ADDRESS, BATCH));
      synchronize = of("llama_synchronize", FunctionDescriptor.ofVoid(ADDRESS));
      clear = of("llama_memory_clear", FunctionDescriptor.ofVoid(ADDRESS, JAVA_BOOLEAN));
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("restricted") // the library the caller wants to be measured
  private SymbolLookup load(Path folder, String start) throws IOException {
    try (var files = Files.list(folder)) {
      var file =
          files
              .filter(path -> path.getFileName().toString().startsWith(start))
              .findFirst()
              .orElseThrow(() -> new IOException("no " + start + "* in " + folder));
      System.load(file.toAbsolutePath().toString()); // for the libraries that need it
      return SymbolLookup.libraryLookup(file, arena);
    }
  }

  private MethodHandle of(String name, FunctionDescriptor type) {
    return of(library, name, type);
  }

  @SuppressWarnings("restricted") // functions as llama.h declares them
  private static MethodHandle of(SymbolLookup library, String name, FunctionDescriptor type) {
    return Linker.nativeLinker().downcallHandle(library.findOrThrow(name), type);
  }

  private MemorySegment parameters(String name) throws Throwable {
    return (MemorySegment)
        of(name, FunctionDescriptor.of(PARAMETERS)).invokeExact((SegmentAllocator) arena);
  }

  /** A C function that does nothing with what it is given: what is logged is not wanted. */
  private static MemorySegment silence() {
    return Linker.nativeLinker().defaultLookup().findOrThrow("labs");
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new IllegalStateException(message);
    }
  }

  @Override
  public void clear() {
    try {
      clear.invokeExact(memory, false);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void decode(int[][] ids, int position) {
    int each = ids[0].length;
    int count = ids.length * each;
    try (var scratch = Arena.ofConfined()) {
      var tokens = scratch.allocate(JAVA_INT, count);
      var positions = scratch.allocate(JAVA_INT, count);
      var numbers = scratch.allocate(JAVA_INT, count);
      var sequences = scratch.allocate(ADDRESS, count);
      var wanted = scratch.allocate(JAVA_BYTE, count);
      for (int sequence = 0; sequence < ids.length; sequence++) {
        var number = scratch.allocateFrom(JAVA_INT, sequence);
        for (int i = 0; i < each; i++) {
          int at = sequence * each + i;
          tokens.setAtIndex(JAVA_INT, at, ids[sequence][i]);
          positions.setAtIndex(JAVA_INT, at, position + i);
          numbers.setAtIndex(JAVA_INT, at, 1);
          sequences.setAtIndex(ADDRESS, at, number);
          wanted.set(JAVA_BYTE, at, (byte) (i == each - 1 ? 1 : 0));
        }
      }
      var batch = scratch.allocate(BATCH);
      batch.set(JAVA_INT, 0, count);
      batch.set(ADDRESS, 8, tokens);
      batch.set(ADDRESS, 24, positions);
      batch.set(ADDRESS, 32, numbers);
      batch.set(ADDRESS, 40, sequences);
      batch.set(ADDRESS, 48, wanted);
      int result = (int) decode.invokeExact(context, batch);
      require(result == 0, "llama_decode returns " + result);
      synchronize.invokeExact(context);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    try {
      of("llama_free", FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(context);
      of("llama_model_free", FunctionDescriptor.ofVoid(ADDRESS)).invokeExact(model);
    } catch (Throwable e) {
      throw new IllegalStateException(e);
    }
    arena.close();
  }
}
