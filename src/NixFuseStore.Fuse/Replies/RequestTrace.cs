using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Requests;
using NixFuseStore.Native.Linux;

namespace NixFuseStore.Fuse.Replies;

/// <summary>
/// Prints every request and every reply, a line each, out of the table of opcodes:
/// <code>
/// > 12 LOOKUP node 1 "bin" pid 4711
/// &lt; 12 LOOKUP node 5 mode 40555 size 4096, 0.21 ms
/// &lt; 14 LOOKUP ENOENT, 3.02 ms
/// </code>
/// Any thread. Costs what printing costs; without a trace nothing is spent on it.
/// </summary>
/// <param name="print">Takes a line; must not wait.</param>
/// <param name="time">For how long a request took.</param>
internal sealed class RequestTrace(Action<string> print, TimeProvider time)
{
    private readonly ConcurrentDictionary<ulong, long> _began = new();

    /// <summary>A request as it came.</summary>
    internal void Request(RequestReader reader)
    {
        var header = reader.Header;
        var info = OpcodeTable.Find(header.Opcode);
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"> {header.Unique & ~FuseInHeader.ResentMark} {Name(info, header.Opcode)} node {header.Node}");
        if (header.Opcode is FuseOpcode.Read or FuseOpcode.ReadDirectory or FuseOpcode.ReadDirectoryPlus && reader.TryRead<FuseReadIn>(out var read))
        {
            line.Append(CultureInfo.InvariantCulture, $" offset {read.Offset} bytes {read.Bytes}");
        }
        else if (header.Opcode == FuseOpcode.Interrupt && reader.TryRead<FuseInterruptIn>(out var interrupt))
        {
            line.Append(CultureInfo.InvariantCulture, $" of {interrupt.Unique}");
        }
        else if (header.Opcode == FuseOpcode.Forget && reader.TryRead<FuseForgetIn>(out var forget))
        {
            line.Append(CultureInfo.InvariantCulture, $" lookups {forget.Lookups}");
        }
        else if (info.Names > 0 && reader.TrySkip(info.ArgumentBytes) && reader.ReadNameOrSelf(out var name) == Errno.None)
        {
            line.Append(" \"").Append(Encoding.UTF8.GetString(name)).Append('"');
        }

        line.Append(CultureInfo.InvariantCulture, $" pid {header.ProcessId}");
        if (header.Opcode is not (FuseOpcode.Forget or FuseOpcode.BatchForget or FuseOpcode.Interrupt or FuseOpcode.NotifyReply))
        {
            _began[header.Unique & ~FuseInHeader.ResentMark] = time.GetTimestamp();
        }

        print(line.ToString());
    }

    /// <summary>An answer as it leaves.</summary>
    internal void Reply(ulong unique, FuseOpcode opcode, Errno error, ReadOnlySpan<IoVector> body)
    {
        var id = unique & ~FuseInHeader.ResentMark;
        var line = new StringBuilder();
        line.Append(CultureInfo.InvariantCulture, $"< {id} {Name(OpcodeTable.Find(opcode), opcode)}");
        if (error != Errno.None)
        {
            line.Append(' ').Append(error);
        }
        else
        {
            AppendBody(line, opcode, body);
        }

        if (_began.TryRemove(id, out var began))
        {
            line.Append(CultureInfo.InvariantCulture, $", {time.GetElapsedTime(began).TotalMilliseconds:0.00} ms");
        }

        print(line.ToString());
    }

    private static string Name(OpcodeInfo info, FuseOpcode opcode) => Enum.IsDefined(opcode) ? info.Name : ((uint)opcode).ToString(CultureInfo.InvariantCulture);

    private static unsafe void AppendBody(StringBuilder line, FuseOpcode opcode, ReadOnlySpan<IoVector> body)
    {
        long bytes = 0;
        foreach (ref readonly var segment in body)
        {
            bytes += (long)segment.Length;
        }

        if (opcode is FuseOpcode.Lookup or FuseOpcode.MakeNode && bytes == Unsafe.SizeOf<FuseEntryOut>() && body.Length == 1)
        {
            ref readonly var entry = ref Unsafe.AsRef<FuseEntryOut>(body[0].Start);
            if (entry.Node == 0)
            {
                line.Append(CultureInfo.InvariantCulture, $" absent for {entry.EntrySeconds} s");
                return;
            }

            line.Append(CultureInfo.InvariantCulture, $" node {entry.Node}");
            AppendAttributes(line, entry.Attributes);
        }
        else if (opcode is FuseOpcode.GetAttr or FuseOpcode.SetAttr && bytes == Unsafe.SizeOf<FuseAttrOut>() && body.Length == 1)
        {
            AppendAttributes(line, Unsafe.AsRef<FuseAttrOut>(body[0].Start).Attributes);
        }
        else if (opcode == FuseOpcode.ReadLink && body.Length == 1)
        {
            line.Append(" \"").Append(Encoding.UTF8.GetString(body[0].Span)).Append('"');
        }
        else if (bytes > 0 || opcode is FuseOpcode.Read or FuseOpcode.ReadDirectory or FuseOpcode.ReadDirectoryPlus)
        {
            line.Append(CultureInfo.InvariantCulture, $" {bytes} bytes");
        }
        else
        {
            line.Append(" OK");
        }
    }

    private static void AppendAttributes(StringBuilder line, in FuseAttr attributes) =>
        line.Append(CultureInfo.InvariantCulture, $" mode {Convert.ToString(attributes.Mode, 8)} size {attributes.Size}");
}
