using System.Text;

namespace NixFuseStore.Nix.Derivations;

/// <summary>Reads what <see cref="DerivationWriter"/> prints, and nothing else.</summary>
internal ref struct DerivationReader(ReadOnlySpan<byte> contents)
{
    private readonly ReadOnlySpan<byte> _contents = contents;
    private int _position;

    // Reads one item of a list at the current position. `ref` because the reader moves.
    private delegate T ItemReader<out T>(ref DerivationReader reader);

    internal Derivation Read()
    {
        if (_contents.StartsWith("DrvWithVersion("u8))
        {
            throw new FormatException("The derivation is of an experimental form (DrvWithVersion) that is not supported.");
        }

        Expect("Derive("u8);
        var outputs = ReadList(static (ref DerivationReader reader) => reader.ReadOutput());
        Expect(","u8);
        var inputs = ReadList(static (ref DerivationReader reader) => reader.ReadInput());
        Expect(","u8);
        var sources = ReadNames();
        Expect(","u8);
        string platform = ReadRaw();
        Expect(","u8);
        string builder = ReadEscaped();
        Expect(","u8);
        var arguments = ReadList(static (ref DerivationReader reader) => reader.ReadEscaped());
        Expect(","u8);
        var environment = ReadList(static (ref DerivationReader reader) => reader.ReadVariable());
        Expect(")"u8);
        if (_position != _contents.Length)
        {
            throw Malformed("the end");
        }

        RequireAscending(outputs.Select(output => output.Name), "outputs");
        RequireAscending(inputs.Select(input => input.Path), "input derivations");
        RequireAscending(sources, "input sources");
        RequireAscending(environment.Select(variable => variable.Key), "environment");
        return new Derivation
        {
            Outputs = outputs.Count > 0 ? outputs : throw new FormatException("The derivation has no outputs."),
            InputDerivations = inputs,
            InputSources = sources,
            Platform = platform,
            Builder = builder,
            Arguments = arguments,
            Environment = environment,
        };
    }

    private DerivationOutput ReadOutput()
    {
        Expect("("u8);
        string name = ReadRaw();
        Expect(","u8);
        string path = ReadRaw();
        Expect(","u8);
        string algorithm = ReadRaw();
        Expect(","u8);
        string hash = ReadRaw();
        Expect(")"u8);
        return new DerivationOutput(name, path, algorithm, hash);
    }

    private DerivationInput ReadInput()
    {
        Expect("("u8);
        string path = ReadRaw();
        Expect(","u8);
        var outputs = ReadNames();
        Expect(")"u8);
        RequireAscending(outputs, "outputs of an input");
        return new DerivationInput(path, outputs);
    }

    private KeyValuePair<string, string> ReadVariable()
    {
        Expect("("u8);
        string key = ReadEscaped();
        Expect(","u8);
        string value = ReadEscaped();
        Expect(")"u8);
        return new KeyValuePair<string, string>(key, value);
    }

    private List<string> ReadNames() => ReadList(static (ref DerivationReader reader) => reader.ReadRaw());

    private List<T> ReadList<T>(ItemReader<T> read)
    {
        var items = new List<T>();
        Expect("["u8);
        if (!TryTake((byte)']'))
        {
            do
            {
                items.Add(read(ref this));
            }
            while (TryTake((byte)','));
            Expect("]"u8);
        }

        return items;
    }

    private string ReadRaw()
    {
        Expect("\""u8);
        int length = _contents[_position..].IndexOf((byte)'"');
        if (length < 0 || _contents.Slice(_position, length).IndexOfAnyInRange((byte)0, (byte)0x1f) >= 0 || _contents.Slice(_position, length).Contains((byte)'\\'))
        {
            throw Malformed("a text without escapes");
        }

        string text = Derivation.Text.GetString(_contents.Slice(_position, length));
        _position += length + 1;
        return text;
    }

    private string ReadEscaped()
    {
        Expect("\""u8);
        var text = new StringBuilder();
        while (true)
        {
            var rest = _contents[_position..];
            int length = rest.IndexOfAny("\"\\\n\r\t"u8);
            if (length < 0 || rest[length] is (byte)'\n' or (byte)'\r' or (byte)'\t')
            {
                throw Malformed("an escaped text");
            }

            text.Append(Derivation.Text.GetString(rest[..length]));
            _position += length + 1;
            if (rest[length] == (byte)'"')
            {
                return text.ToString();
            }

            text.Append(ReadEscape());
        }
    }

    private char ReadEscape()
    {
        char character = _position < _contents.Length ? (char)_contents[_position] : '\0';
        _position++;
        return character switch
        {
            '"' or '\\' => character,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            _ => throw Malformed("an escape"),
        };
    }

    private bool TryTake(byte wanted)
    {
        bool there = _position < _contents.Length && _contents[_position] == wanted;
        _position += there ? 1 : 0;
        return there;
    }

    private void Expect(ReadOnlySpan<byte> wanted)
    {
        if (!_contents[_position..].StartsWith(wanted))
        {
            throw Malformed($"'{Encoding.ASCII.GetString(wanted)}'");
        }

        _position += wanted.Length;
    }

    private readonly FormatException Malformed(string wanted) => new($"The derivation is malformed at byte {_position}, where {wanted} must stand.");

    private static void RequireAscending(IEnumerable<string> names, string what)
    {
        string? last = null;
        foreach (string name in names)
        {
            if (last is not null && string.CompareOrdinal(last, name) >= 0)
            {
                throw new FormatException($"The derivation's {what} are not in order ('{name}' after '{last}').");
            }

            last = name;
        }
    }
}
