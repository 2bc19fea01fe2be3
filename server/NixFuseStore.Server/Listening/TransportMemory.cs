using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace NixFuseStore.Server.Listening;

/// <summary>
/// The memory that connections read into and write from, in larger blocks than Kestrel's own 4 KiB: each block is a system call, and what
/// is uploaded and downloaded here comes by the megabyte. Connections that wait for their next request hold none.
/// </summary>
internal sealed class TransportMemory : IMemoryPoolFactory<byte>
{
    /// <summary>Bytes of a block.</summary>
    internal const int BlockBytes = 32 << 10;

    /// <summary>Free blocks that a pool keeps; it has as many more as are in use.</summary>
    private const int FreeBlocksMax = 128;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => new Pool();

    private sealed class Pool : MemoryPool<byte>
    {
        private readonly ConcurrentQueue<Block> _free = new();
        private int _freeCount;

        public override int MaxBufferSize => BlockBytes;

        public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockBytes);
            if (!_free.TryDequeue(out var block))
            {
                return new Block(this);
            }

            Interlocked.Decrement(ref _freeCount);
            return block;
        }

        protected override void Dispose(bool disposing) => _free.Clear();

        private void Return(Block block)
        {
            if (Interlocked.Increment(ref _freeCount) <= FreeBlocksMax)
            {
                _free.Enqueue(block);
            }
            else
            {
                // Left to the collector.
                Interlocked.Decrement(ref _freeCount);
            }
        }

        private sealed class Block(Pool pool) : IMemoryOwner<byte>
        {
            // Pinned where it is: sockets need not pin it for each call.
            private readonly byte[] _bytes = GC.AllocateUninitializedArray<byte>(BlockBytes, pinned: true);

            public Memory<byte> Memory => _bytes;

            public void Dispose() => pool.Return(this);
        }
    }
}
