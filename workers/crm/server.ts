import { z } from "zod";
import { defineServer } from "../../shared/server/define.ts";
import { customerCard } from "./customer/customer-view.ts";
import { dealStageChanged } from "./events/deal-stage-changed.ts";
import { taskOverdue } from "./events/task-overdue.ts";
import { exportResource } from "./export/export-resource.ts";
import { KeptExportStore } from "./export/kept-exports.ts";
import { ownerField, regionField, stageField } from "./fields.ts";
import { prepareMeeting, reviewAccount, reviewPipeline } from "./prompts.ts";
import { companyResource, dealResource, pipelineResource } from "./resources.ts";
import { foldAll } from "./search/fold-pending.ts";
import { type CrmStore, openCrmStore } from "./store.ts";
import { bulkUpdate } from "./tools/bulk-update.ts";
import { completeTask } from "./tools/complete-task.ts";
import { createCompany } from "./tools/create-company.ts";
import { createContact } from "./tools/create-contact.ts";
import { createDeal } from "./tools/create-deal.ts";
import { createTask } from "./tools/create-task.ts";
import { deleteRecord } from "./tools/delete-record.ts";
import { erasePerson } from "./tools/erase-person.ts";
import { exportCsv } from "./tools/export-csv.ts";
import { findCompanies } from "./tools/find-companies.ts";
import { findContacts } from "./tools/find-contacts.ts";
import { findDuplicates } from "./tools/find-duplicates.ts";
import { getCustomer } from "./tools/get-customer.ts";
import { getPipeline } from "./tools/get-pipeline.ts";
import { importCsv } from "./tools/import-csv.ts";
import { listActivities } from "./tools/list-activities.ts";
import { listChanges } from "./tools/list-changes.ts";
import { listDeals } from "./tools/list-deals.ts";
import { listTasks } from "./tools/list-tasks.ts";
import { logActivity } from "./tools/log-activity.ts";
import { mergeContacts } from "./tools/merge-contacts.ts";
import { moveDeal } from "./tools/move-deal.ts";
import { undoChange } from "./tools/undo-change.ts";
import { updateCompany } from "./tools/update-company.ts";
import { updateContact } from "./tools/update-contact.ts";
import { updateDeal } from "./tools/update-deal.ts";

/** Maximum rows of each table that the hourly work folds. */
const FOLDED_AN_HOUR = 50_000;

/** The CRM: customers, their people, deals and activities. */
export const crm = defineServer<CrmStore>({
  name: "crm",
  title: "CRM",
  description: "Customers, contacts, deals and the history of talking to them.",
  instructions: [
    "Find a customer with crm_find_companies or crm_find_contacts, then read crm_get_customer; it takes names too.",
    "Deals: crm_list_deals filters by amount, stage, owner, region, closing day and days without activity.",
    "Writes name the version that was read. On a conflict, read again and decide again.",
    "Give an idempotency_key when you create or log something, so that a retry cannot do it twice.",
    "What was said is in crm_list_activities; notes are written with crm_log_activity, what is to do with crm_create_task.",
    "Many records at once: crm_bulk_update, crm_import_csv, crm_export_csv. What changes many shows first what it would do.",
    "Amounts are in US dollars, times in UTC.",
  ].join("\n"),
  scopes: {
    "crm:read": "See companies, contacts, deals and activities",
    "crm:write": "Add and change companies, contacts, deals and tasks, and log activities",
    "crm:delete": "Delete companies, contacts and deals",
  },
  baseline: "crm:read",
  reads: ["private"],
  defaults: z.object({
    owner: ownerField.optional(),
    region: regionField.optional(),
    stage: z.array(stageField).min(1).max(6).optional().describe("Deal stages"),
  }),
  glyph: "M16 15a5 5 0 1 0 0-10 5 5 0 0 0 0 10ZM6 27c1-5 5-8 10-8s9 3 10 8",
  databases: ["CRM_DB"],
  store: (env, _principal, masks) => openCrmStore(env.CRM_DB, masks),
  purgeExpired: async (env, now) => {
    const removed = await new KeptExportStore(env.CRM_DB).sweep(now);
    return removed + (await foldAll(env.CRM_DB, FOLDED_AN_HOUR));
  },
  tools: [
    findContacts,
    findCompanies,
    getCustomer,
    listDeals,
    getPipeline,
    listTasks,
    listActivities,
    createContact,
    updateContact,
    createCompany,
    updateCompany,
    createDeal,
    updateDeal,
    moveDeal,
    logActivity,
    createTask,
    completeTask,
    bulkUpdate,
    importCsv,
    exportCsv,
    findDuplicates,
    mergeContacts,
    deleteRecord,
    erasePerson,
    listChanges,
    undoChange,
  ],
  resources: [companyResource, dealResource, pipelineResource, exportResource, customerCard],
  prompts: [prepareMeeting, reviewAccount, reviewPipeline],
  events: [dealStageChanged, taskOverdue],
});
