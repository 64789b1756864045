package dev.stowage.dsl;

import com.google.inject.Singleton;
import java.math.BigDecimal;
import java.util.Map;
import org.eclipse.xtext.common.services.DefaultTerminalConverters;
import org.eclipse.xtext.conversion.IValueConverter;
import org.eclipse.xtext.conversion.ValueConverter;
import org.eclipse.xtext.conversion.ValueConverterException;
import org.eclipse.xtext.nodemodel.INode;

/**
 * Reads numbers exactly, and refuses those that no plan can mean. One for all files and threads.
 */
@Singleton
public class Literals extends DefaultTerminalConverters {
  private static final int MAX_DIGITS = 24;

  /** Synchronized, because the base class fills the map when it is first asked for. */
  @Override
  protected synchronized Map<String, IValueConverter<Object>> getConverters() {
    return super.getConverters();
  }

  /** {@code Decimal}: an exact number of at most 24 digits. */
  @ValueConverter(rule = "Decimal")
  public IValueConverter<BigDecimal> decimal() {
    return new IValueConverter<>() {
      @Override
      public BigDecimal toValue(String text, INode node) {
        if (text == null || text.isEmpty()) {
          throw new ValueConverterException("a number is missing", node, null);
        }
        if (text.length() > MAX_DIGITS) {
          throw new ValueConverterException(
              "a number of more than " + MAX_DIGITS + " digits", node, null);
        }
        try {
          return new BigDecimal(text);
        } catch (NumberFormatException e) {
          throw new ValueConverterException("not a number: " + text, node, e);
        }
      }

      @Override
      public String toString(BigDecimal value) {
        return value.toPlainString();
      }
    };
  }
}
