using System.Text;

namespace NixFuseStore.Nix.Derivations;

/// <summary>
/// Prints a derivation:
/// <c>Derive([("out","path","algorithm","hash"),…],[("drv",["out",…]),…],["source",…],"platform","builder",["argument",…],[("key","value"),…])</c>.
/// Builder, arguments and environment are escaped; other texts cannot need it.
/// </summary>
internal static class DerivationWriter
{
    // `inputs` replaces the input derivations, for hashing; masked, outputs have no paths, nor have the variables named like them.
    internal static string Write(Derivation derivation, bool maskOutputs, IEnumerable<DerivationInput>? inputs)
    {
        var masked = maskOutputs ? derivation.Outputs.Select(output => output.Name).ToHashSet() : [];
        var text = new StringBuilder("Derive(");
        List(text, derivation.Outputs, output => Tuple(
            text, () => Raw(text, output.Name), () => Raw(text, maskOutputs ? "" : output.Path), () => Raw(text, output.HashAlgorithm), () => Raw(text, output.Hash)));
        text.Append(',');
        List(text, inputs ?? derivation.InputDerivations, input => Tuple(
            text, () => Raw(text, input.Path), () => List(text, input.Outputs, output => Raw(text, output))));
        text.Append(',');
        List(text, derivation.InputSources, source => Raw(text, source));
        text.Append(',');
        Raw(text, derivation.Platform);
        text.Append(',');
        Escaped(text, derivation.Builder);
        text.Append(',');
        List(text, derivation.Arguments, argument => Escaped(text, argument));
        text.Append(',');
        List(text, derivation.Environment, variable => Tuple(
            text, () => Escaped(text, variable.Key), () => Escaped(text, masked.Contains(variable.Key) ? "" : variable.Value)));
        return text.Append(')').ToString();
    }

    private static void List<T>(StringBuilder text, IEnumerable<T> items, Action<T> write)
    {
        text.Append('[');
        bool first = true;
        foreach (var item in items)
        {
            if (!first)
            {
                text.Append(',');
            }

            first = false;
            write(item);
        }

        text.Append(']');
    }

    private static void Tuple(StringBuilder text, params ReadOnlySpan<Action> fields)
    {
        text.Append('(');
        for (int i = 0; i < fields.Length; i++)
        {
            if (i > 0)
            {
                text.Append(',');
            }

            fields[i]();
        }

        text.Append(')');
    }

    private static void Raw(StringBuilder text, string value) => text.Append('"').Append(value).Append('"');

    private static void Escaped(StringBuilder text, string value)
    {
        text.Append('"');
        foreach (char character in value)
        {
            _ = character switch
            {
                '"' or '\\' => text.Append('\\').Append(character),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                _ => text.Append(character),
            };
        }

        text.Append('"');
    }
}
