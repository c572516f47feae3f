import { join } from 'node:path'
import type { Clock } from '../core/time.js'
import type { Logger } from '../observe/logger.js'
import { TEMPLATE_FOLDER } from '../records/sql/embedded/template.js'
import { openStore, type OpenStore } from '../records/sql/open.js'
import type { Settings } from './config/settings.js'

/** The store that the settings name. @throws as `openStore` */
export function openRecords(settings: Settings, parts: { readonly clock: Clock; readonly logger: Logger }): Promise<OpenStore> {
  return openStore({
    databaseUrl: settings.databaseUrl?.reveal() ?? null,
    dataDir: settings.dataDir,
    templateDir: join(settings.cacheDir, TEMPLATE_FOLDER),
    ...parts,
  })
}
