using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using NixFuseStore.Nix.Archives;

namespace NixFuseStore.Server.Registration;

/// <summary>
/// Hashes a NAR modulo the hash part of its own path, as Nix's <c>HashModuloSink</c> does: every occurrence counts as zero bytes, and
/// the positions of all occurrences follow at the end, so that content with zeros in their place hashes to something else.
/// </summary>
internal sealed class ModuloHash(IncrementalHash hash, string self) : INarOutput
{
    private readonly byte[] _self = Encoding.ASCII.GetBytes(self);
    private readonly List<long> _matches = [];
    private byte[] _held = [];
    private long _position;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        // What could be the beginning of an occurrence is held back until the rest has come.
        byte[] window = [.. _held, .. bytes];
        var at = 0;
        int found;
        while ((found = window.AsSpan(at).IndexOf(_self)) >= 0)
        {
            at += found;
            _matches.Add(_position + at);
            window.AsSpan(at, _self.Length).Clear();
        }

        var hold = Math.Min(window.Length, _self.Length - 1);
        Take(window.AsSpan(0, window.Length - hold));
        _held = window[^hold..];
    }

    /// <summary>Adds what was held back, and the positions.</summary>
    public void Finish()
    {
        Take(_held);
        _held = [];
        foreach (var match in _matches)
        {
            hash.AppendData(Encoding.ASCII.GetBytes("|" + match.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        hash.AppendData(bytes);
        _position += bytes.Length;
    }
}
