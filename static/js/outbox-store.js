/**
 * Where the outbox keeps its rows: IndexedDB, shared by the tabs of one browser, or memory where there is none.
 * A store: `add(row)` gives it the next number, `list()` returns all in order, `edit(change)` maps every row in one
 * transaction (null removes it, the same object leaves it alone), `onchange` is called when another tab has written.
 */

/** For tests, and for browsers that refuse IndexedDB (some private windows). */
export function memoryStore() {
  let rows = []
  let n = 0
  return {
    onchange: null,
    async add(row) {
      rows.push({ ...row, n: ++n })
    },
    async list() {
      return [...rows]
    },
    async edit(change) {
      rows = rows.map(change).filter((row) => row !== null)
    },
  }
}

const promised = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const finished = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve()
    transaction.onabort = transaction.onerror = () => reject(transaction.error)
  })

/** @param {string} name one database per audience, so that the shop's and the staff's rows never meet */
export async function browserStore(name) {
  try {
    const opening = indexedDB.open(name, 1)
    opening.onupgradeneeded = () => opening.result.createObjectStore("rows", { keyPath: "n", autoIncrement: true })
    return indexedStore(name, await promised(opening))
  } catch {
    return memoryStore()
  }
}

function indexedStore(name, database) {
  const channel = new BroadcastChannel(name)
  const store = {
    onchange: null,
    async add(row) {
      const transaction = database.transaction("rows", "readwrite")
      transaction.objectStore("rows").add(row)
      await finished(transaction)
      channel.postMessage("changed")
    },
    list() {
      return promised(database.transaction("rows").objectStore("rows").getAll())
    },
    async edit(change) {
      const transaction = database.transaction("rows", "readwrite")
      const rows = transaction.objectStore("rows")
      let changed = false
      for (const row of await promised(rows.getAll())) {
        const after = change(row)
        if (after === row) continue
        changed = true
        if (after === null) rows.delete(row.n)
        else rows.put(after)
      }
      await finished(transaction)
      if (changed) channel.postMessage("changed")
    },
  }
  channel.onmessage = () => store.onchange?.()
  return store
}
