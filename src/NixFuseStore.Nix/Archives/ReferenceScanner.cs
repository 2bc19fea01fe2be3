using System.Buffers;
using System.Text;

namespace NixFuseStore.Nix.Archives;

/// <summary>
/// Finds which store paths a NAR refers to, as Nix does after a build: a path is referred to where its hash part stands anywhere in the
/// bytes, names and link targets included. Not for several threads at once.
/// </summary>
public sealed class ReferenceScanner : INarOutput
{
    private const int Length = StorePath.HashPartLength;

    private static readonly SearchValues<byte> Digits = SearchValues.Create(Encoding.ASCII.GetBytes(NixBase32.Alphabet));

    private readonly Dictionary<string, StorePath> _wanted;
    private readonly HashSet<StorePath> _found = [];
    private readonly byte[] _window = new byte[2 * Length];
    private int _held;

    /// <summary>Begins with nothing.</summary>
    /// <param name="candidates">Paths that may be referred to.</param>
    public ReferenceScanner(IEnumerable<StorePath> candidates) =>
        _wanted = candidates.Distinct().ToDictionary(static path => path.HashPart, StringComparer.Ordinal);

    /// <summary>Those of the candidates that were found so far.</summary>
    public IReadOnlyCollection<StorePath> Found => _found;

    /// <inheritdoc/>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        // 1. What lies across the last piece and this one.
        int head = Math.Min(bytes.Length, Length - 1);
        bytes[..head].CopyTo(_window.AsSpan(_held));
        Scan(_window.AsSpan(0, _held + head));

        // 2. What lies in this one.
        Scan(bytes);

        // 3. What may go on in the next one.
        if (bytes.Length >= Length - 1)
        {
            _held = Length - 1;
            bytes[^_held..].CopyTo(_window);
        }
        else
        {
            int held = Math.Min(_held + bytes.Length, Length - 1);
            _window.AsSpan(_held + bytes.Length - held, held).CopyTo(_window);
            _held = held;
        }
    }

    // A byte that is no base-32 rules out all that would reach over it, so that most bytes are never looked at.
    private void Scan(ReadOnlySpan<byte> bytes)
    {
        int start = 0;
        while (start + Length <= bytes.Length)
        {
            int last = bytes.Slice(start, Length).LastIndexOfAnyExcept(Digits);
            if (last >= 0)
            {
                start += last + 1;
                continue;
            }

            if (_wanted.TryGetValue(Encoding.ASCII.GetString(bytes.Slice(start, Length)), out var path))
            {
                _found.Add(path);
            }

            start++;
        }
    }
}
