using System.Runtime.InteropServices;
using System.Text;
using BenchmarkDotNet.Attributes;
using NixFuseStore.Fuse.Kernel;
using NixFuseStore.Fuse.Sessions;

namespace NixFuseStore.Benchmarks;

/// <summary>What does answering a request from memory cost us, the two system calls aside?</summary>
[MemoryDiagnoser]
public class FuseDispatchBenchmarks : IDisposable
{
    private FuseDispatchSink _sink = null!;
    private FuseDispatcher _dispatcher = null!;
    private byte[] _lookup = null!;
    private byte[] _getAttributes = null!;
    private byte[] _read = null!;
    private byte[] _list = null!;
    private byte[] _ioctl = null!;

    [GlobalSetup]
    public void SetUp()
    {
        _sink = new FuseDispatchSink();
        _dispatcher = new FuseDispatcher(new FuseSession(_sink, new FuseDispatchTree()), _sink);
        _lookup = Encode(FuseOpcode.Lookup, Encoding.ASCII.GetBytes("libpython3.11.so.1.0\0"));
        _getAttributes = Encode(FuseOpcode.GetAttr, new byte[16]);
        _ioctl = Encode(FuseOpcode.Ioctl, new byte[32]);
        _read = Encode(FuseOpcode.Read, Argument(new FuseReadIn(0, 0, FuseDispatchTree.ReadBytes, 0, 0, 0, 0)));
        _list = Encode(FuseOpcode.ReadDirectoryPlus, Argument(new FuseReadIn(0, 0, 4096, 0, 0, 0, 0)));
    }

    [GlobalCleanup]
    public void Dispose() => _sink.Dispose();

    [Benchmark(Baseline = true)]
    public void Lookup() => _dispatcher.Dispatch(_lookup);

    [Benchmark]
    public void GetAttributes() => _dispatcher.Dispatch(_getAttributes);

    [Benchmark(Description = "Read of 1 MiB in 16 segments")]
    public void Read() => _dispatcher.Dispatch(_read);

    [Benchmark(Description = "ReadDirectoryPlus of 4 KiB")]
    public void List() => _dispatcher.Dispatch(_list);

    [Benchmark(Description = "Ioctl (refused)")]
    public void Ioctl() => _dispatcher.Dispatch(_ioctl);

    private static byte[] Argument(FuseReadIn argument) => MemoryMarshal.AsBytes(new ReadOnlySpan<FuseReadIn>(in argument)).ToArray();

    private static byte[] Encode(FuseOpcode opcode, byte[] body)
    {
        var header = new FuseInHeader((uint)(40 + body.Length), opcode, Unique: 2, Node: 1, 1000, 100, 4711, 0, 0);
        return [.. MemoryMarshal.AsBytes(new ReadOnlySpan<FuseInHeader>(in header)), .. body];
    }
}
